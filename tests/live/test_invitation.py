"""The fence around a closed network, with real sessions and real TLS."""

import base64
import json
import socket
import ssl
import time

import pytest
import zenoh

from modelnet.trust.invitation import Credentials, Invitation, issue
from modelnet.trust.key import NodeKey

pytestmark = pytest.mark.live

PATIENCE_S = 10.0


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def credentials_of(invitation) -> Credentials:
    return issue(invitation, NodeKey.generate().node, now=time.time())


def config(credentials, *, listen=(), connect=()):
    def coded(pem):
        return base64.b64encode(pem.encode()).decode()

    own = {
        f"{end}_{part}_base64": coded(pem)
        for end in ("listen", "connect")
        for part, pem in [
            ("certificate", credentials.certificate_pem),
            ("private_key", credentials.private_key_pem),
        ]
    }
    tls = {"enable_mtls": True, "root_ca_certificate_base64": coded(credentials.ca_pem), **own}
    whole = {
        "mode": "peer",
        "scouting": {"multicast": {"enabled": False}},
        "listen": {"endpoints": list(listen)},
        "connect": {"endpoints": list(connect), "timeout_ms": 1_000, "exit_on_failure": True},
        "transport": {"link": {"tls": tls}},
    }
    return zenoh.Config.from_json5(json.dumps(whole))


@pytest.fixture
def invitation():
    return Invitation.create("lab")


@pytest.fixture
def port():
    return free_port()


@pytest.fixture
def endpoint(port):
    return f"tls/127.0.0.1:{port}"


@pytest.fixture
def member(invitation, endpoint):
    with zenoh.open(config(credentials_of(invitation), listen=[endpoint])) as session:
        yield session


def test_who_has_the_invitation_gets_in(member, invitation, endpoint):
    line = Invitation.parse(invitation.text)
    answering = member.declare_queryable("hello", lambda query: query.reply("hello", b"welcome"))
    with zenoh.open(config(credentials_of(line), connect=[endpoint])) as other:
        assert [str(peer) for peer in other.info.peers_zid()] == [str(member.info.zid())]
        replies = [reply.ok.payload.to_bytes() for reply in other.get("hello", timeout=PATIENCE_S)]
    answering.undeclare()
    assert replies == [b"welcome"]


@pytest.mark.parametrize(
    "stranger",
    [Invitation.create("lab"), Invitation.create("other")],
    ids=["same name", "other name"],
)
def test_who_has_another_secret_stays_out(member, endpoint, stranger):
    with pytest.raises(zenoh.ZError, match="Unable to connect"):
        zenoh.open(config(credentials_of(stranger), connect=[endpoint]))
    assert list(member.info.peers_zid()) == []


def test_a_listener_with_another_secret_is_not_believed(endpoint, invitation):
    stranger = credentials_of(Invitation.create("lab"))
    with (
        zenoh.open(config(stranger, listen=[endpoint])),
        pytest.raises(zenoh.ZError, match="Unable to connect"),
    ):
        zenoh.open(config(credentials_of(invitation), connect=[endpoint]))


@pytest.mark.usefixtures("member")
@pytest.mark.parametrize("has_certificate", [False, True])
def test_a_stranger_who_trusts_everybody_is_refused_by_the_member(port, has_certificate, tmp_path):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if has_certificate:
        stranger = credentials_of(Invitation.create("lab"))
        file = tmp_path / "stranger.pem"
        file.write_text(stranger.private_key_pem + stranger.certificate_pem)
        context.load_cert_chain(file)
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as connection:
        wrapped = context.wrap_socket(connection)
        with pytest.raises(ssl.SSLError, match=r"(?i)alert|certificate"):
            wrapped.recv(1)
        wrapped.close()


def test_what_the_stranger_tried_works_for_a_member(member, port, invitation, tmp_path):
    credentials = credentials_of(invitation)
    own, authority = tmp_path / "own.pem", tmp_path / "ca.pem"
    own.write_text(credentials.private_key_pem + credentials.certificate_pem)
    authority.write_text(credentials.ca_pem)
    context = ssl.create_default_context(cafile=str(authority))
    context.load_cert_chain(own)
    with (
        socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as connection,
        context.wrap_socket(connection, server_hostname="127.0.0.1") as wrapped,
    ):
        subject = dict(field[0] for field in wrapped.getpeercert()["subject"])
        # Garbage inside: the session answers that it closes, where a stranger met an alert of TLS.
        wrapped.sendall(b"\x02\x00\xff\xff")
        assert wrapped.recv(1)
    assert subject["commonName"].startswith("did:key:z6Mk")
