"""`modelnet pull` and `modelnet deploy`, in front of a node that says what the test wrote."""

import json

import msgspec
import pytest

from modelnet.application.gateway.endpoint import EventStream
from modelnet.core.error import StorageError, UnsupportedError

DIGEST = "ab" * 32
PULLED = {"model": "m", "digest": DIGEST, "size_bytes": 2_500_000, "is_served": True}
WHOLE = [{"progress": {"done_bytes": 1, "of_bytes": 2}}, {"pulled": PULLED}]


@pytest.fixture
def mover(serve):
    """Serve the endpoints that move models; returns the orders they got."""
    orders = []

    def start(events, error=None):
        async def stream():
            for event in events:
                yield b"data: " + msgspec.json.encode(event) + b"\n\n"
            if error is not None:
                raise error
            yield b"data: [DONE]\n\n"

        async def move(request):
            orders.append((request.path, json.loads(request.body)))
            return EventStream(events=stream())

        paths = ("/modelnet/v1/pull", "/modelnet/v1/deploy")
        serve(routes={("POST", path): move for path in paths})
        return orders

    return start


def test_pull(cli, mover):
    orders = mover(WHOLE)
    result = cli("pull", "m", "--from", "bob")
    assert (result.code, result.err) == (0, "")
    assert result.out == f"m is served here now (2.5 MB, {DIGEST[:16]}).\n"
    assert orders == [("/modelnet/v1/pull", {"model": "m", "node": "bob", "serve": True})]


def test_pull_without_serving(cli, mover):
    orders = mover([{"pulled": PULLED | {"is_served": False}}])
    assert "is kept here" in cli("pull", "m", "--no-serve").out
    assert orders[0][1]["serve"] is False


def test_deploy(cli, mover):
    orders = mover(WHOLE)
    result = cli("deploy", "m", "--to", "bob")
    assert (result.code, result.err) == (0, "")
    assert result.out.startswith("m is served by bob now")
    assert orders == [("/modelnet/v1/deploy", {"model": "m", "to": "bob"})]


@pytest.mark.parametrize("command", [("pull", "m"), ("deploy", "m", "--to", "bob")])
def test_json(cli, mover, command):
    mover(WHOLE)
    assert json.loads(cli(*command, "--json").out) == PULLED


@pytest.mark.parametrize(
    ("error", "code"), [(UnsupportedError("No leave."), 2), (StorageError("Full."), 13)]
)
def test_a_refusal_ends_the_command(cli, mover, error, code):
    mover(WHOLE[:1], error)
    result = cli("pull", "m")
    assert (result.code, result.err) == (code, f"{error.message}\n")


def test_one_that_ends_without_a_word(cli, mover):
    mover(WHOLE[:1])
    result = cli("pull", "m")
    assert result.code == 6
    assert "goes on where it was" in result.err


def test_a_name_with_control_characters_moves_no_cursor(cli, mover):
    mover([{"pulled": PULLED | {"model": "m\x1b[2J"}}])
    assert "\x1b" not in cli("pull", "m").out


def test_a_deploy_needs_a_node(cli):
    assert cli("deploy", "m").code == 2
