"""The engine's configuration: what it must say for the promises to hold, and nothing that leaks."""

import pytest
import zenoh

from modelnet.transport.link import LinkSecrets
from modelnet.transport.zenoh import engine
from modelnet.transport.zenoh.configuration import configuration
from modelnet.transport.zenoh.endpoint import Endpoint
from modelnet.transport.zenoh.settings import ZenohSettings

HERE = Endpoint("tcp", "127.0.0.1", 1000)
OUTSIDE = Endpoint("tcp", "192.0.2.7", 1001)


def tree(settings, *, listen=(HERE,), join=(), answering=()):
    return configuration(settings, listen, join, frozenset(answering))


@pytest.mark.parametrize("mode", ["peer", "client", "router"])
def test_the_engine_takes_it(mode):
    secrets = LinkSecrets(ca_pem="a", certificate_pem="b", private_key_pem="c")
    for settings in (ZenohSettings(mode=mode), ZenohSettings(mode=mode, secrets=secrets)):
        assert isinstance(engine.configure(tree(settings)), zenoh.Config)


def test_a_node_of_this_machine_only_does_not_call_into_the_network_around_it():
    key = "scouting/multicast/interface"
    assert tree(ZenohSettings())[key] == "lo"
    assert tree(ZenohSettings(), listen=(HERE, OUTSIDE))[key] == "auto"


def test_a_client_and_who_wants_none_use_no_multicast():
    key = "scouting/multicast/enabled"
    assert tree(ZenohSettings())[key]
    assert not tree(ZenohSettings(multicast=False))[key]
    assert not tree(ZenohSettings(mode="client"))[key]


def test_only_a_join_address_that_answers_may_fail_the_joining():
    connect = tree(ZenohSettings(), join=(HERE, OUTSIDE), answering=(HERE,))["connect/endpoints"]
    assert connect == ["tcp/127.0.0.1:1000", "tcp/192.0.2.7:1001#exit_on_failure=false"]


def test_of_two_peers_one_connects_unless_only_one_can():
    key = "scouting/gossip/autoconnect_strategy"
    both, hidden = tree(ZenohSettings()), tree(ZenohSettings(), join=(OUTSIDE,))
    assert both[key]["peer"]["to_peer"] == "greater-zid"
    assert hidden[key]["peer"]["to_peer"] == "always"


def test_a_closed_network_speaks_tls_only_and_both_ends_prove_themselves():
    secrets = LinkSecrets(ca_pem="a", certificate_pem="b", private_key_pem="c")
    closed = tree(ZenohSettings(secrets=secrets))
    assert closed["transport/link/protocols"] == ["tls"]
    assert closed["transport/link/tls"]["enable_mtls"]
    assert tree(ZenohSettings())["transport/link/protocols"] == ["tcp"]


def test_secrets_do_not_show():
    secrets = LinkSecrets(ca_pem="hidden", certificate_pem="hidden", private_key_pem="hidden")
    assert "hidden" not in repr(secrets)
    assert "hidden" not in repr(ZenohSettings(secrets=secrets))
