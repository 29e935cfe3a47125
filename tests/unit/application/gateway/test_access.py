"""Keys, and without them only this machine's own programs."""

import pytest

from modelnet.application.gateway.access import Access
from modelnet.application.gateway.failure import HttpError
from modelnet.core.error import AuthenticationError, SettingsError

CHAT = "/v1/chat/completions"


@pytest.mark.parametrize(
    "host",
    [b"localhost", b"LOCALHOST:1", b"127.0.0.1:8080", b"[::1]:9", b"[::1]", b"127.0.0.5:80"],
)
def test_names_of_this_machine(host: bytes):
    Access(hosts=("127.0.0.5",)).check(CHAT, {b"host": host})


@pytest.mark.parametrize(
    "host",
    [
        b"evil.example",
        b"localhost.evil.example:80",
        b"127.0.0.1.evil.example",
        b"evil@127.0.0.1.example",
        b"",
        b"[",
        b"\xff",
        b"10.0.0.1",
    ],
)
def test_a_rebound_name_is_refused(host: bytes):
    with pytest.raises(HttpError) as caught:
        Access().check(CHAT, {b"host": host})
    assert (caught.value.status, caught.value.http_code) == (403, "host_not_allowed")


@pytest.mark.parametrize("origin", [b"https://evil.example", b"null", b"", b"http://[", b"file://"])
def test_a_web_page_of_another_site_is_refused(origin: bytes):
    with pytest.raises(HttpError) as caught:
        Access().check(CHAT, {b"host": b"localhost", b"origin": origin})
    assert caught.value.http_code == "origin_not_allowed"


def test_a_web_page_of_this_machine_passes():
    Access().check(CHAT, {b"host": b"localhost:1", b"origin": b"http://127.0.0.1:1"})


@pytest.mark.parametrize("sent", [b"Bearer two", b"bearer two", b"Bearer  two "])
def test_any_of_the_keys_opens(sent: bytes):
    access = Access(["one", "two"])
    access.check(CHAT, {b"authorization": sent, b"host": b"node.example"})


@pytest.mark.parametrize(
    "sent", [None, b"", b"two", b"Bearer", b"Bearer ", b"Bearer tw", b"Bearer twoo", b"Basic two"]
)
def test_nothing_else_does(sent: bytes | None):
    headers = {} if sent is None else {b"authorization": sent}
    with pytest.raises(AuthenticationError) as caught:
        Access(["one", "two"]).check(CHAT, headers)
    assert "two" not in caught.value.message


def test_health_needs_no_key():
    Access(["one"]).check("/healthz", {})
    with pytest.raises(AuthenticationError):
        Access(["one"]).check("/metrics", {})


@pytest.mark.parametrize("key", ["", " ", "a ", "schlüssel", "a\nb"])
def test_a_key_that_no_header_can_carry(key: str):
    with pytest.raises(SettingsError) as caught:
        Access(["good", key])
    assert "good" not in caught.value.message
