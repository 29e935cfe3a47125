"""Everything that can be at the other end of the URL instead of a node."""

import json

import pytest

from modelnet.application.presence import PRESENCE_FILE

HTML = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>"
SSE = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
WORD = b'data: {"choices": [{"delta": {"content": "Hel"}}]}\n\n'


def chunked(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def test_nothing_there(cli):
    result = cli("models", "--url", "http://127.0.0.1:9/v1")
    assert result.code == 10
    assert result.err == (
        "No node is at http://127.0.0.1:9 (nothing answers there): check the address, or start a "
        "node with `modelnet up`.\n"
    )


def test_the_node_that_ran_here_is_gone(cli, tmp_path):
    home = tmp_path / "data"
    home.mkdir()
    told = {"url": "http://127.0.0.1:9/v1", "pid": 4242, "node": "did:key:z6Mk"}
    (home / PRESENCE_FILE).write_text(json.dumps(told))
    result = cli("ask", "hi")
    assert result.code == 10
    assert result.err == (
        "The node that ran here (process 4242) is gone: http://127.0.0.1:9 no longer answers; "
        "start it again with `modelnet up`.\n"
    )


@pytest.mark.parametrize("url", ["ftp://x/", "http://", "http://[::1/", "http://h:99999", " "])
def test_not_a_url(cli, url):
    result = cli("models", "--url", url)
    assert result.code == 10
    assert result.err.endswith("write it like http://127.0.0.1:11711/v1.\n")


def test_url_may_be_short(cli, serve, monkeypatch):
    address = serve().removeprefix("http://")
    monkeypatch.delenv("MODELNET_URL")
    for written in (address, f"http://{address}", f"http://{address}/v1/"):
        assert cli("nodes", "--url", written).code == 0


@pytest.mark.parametrize("command", [("models",), ("ask", "hi"), ("exam", "m")])
def test_something_else_is_there(cli, canned, command):
    with canned(HTML) as url:
        result = cli(*command, "--url", url)
    assert result.code == 10
    assert result.err == f"What answers at {url} is not a modelnet node: check the address.\n"


@pytest.mark.parametrize("reply", [b"", b"220 mail ESMTP\r\n", SSE[:20]])
def test_something_that_does_not_speak_http(cli, canned, reply):
    with canned(reply) as url:
        result = cli("models", "--url", url)
    assert result.code in (6, 10)
    assert result.err.count("\n") == 1
    assert "Traceback" not in result.err


@pytest.mark.parametrize("end", [b"", b"0\r\n\r\n"])
def test_answer_cut_off(cli, canned, end):
    with canned(SSE + chunked(WORD) + end) as url:
        result = cli("ask", "hi", "--url", url)
    assert (result.code, result.out) == (6, "Hel\n")
    assert result.err == "The node closed the connection before the end: ask again.\n"


def test_answer_that_is_garbage(cli, canned):
    with canned(SSE + chunked(b"data: {nonsense\n\n")) as url:
        result = cli("ask", "hi", "--url", url)
    assert result.code == 10


def test_redirects_are_not_followed(cli, canned):
    with canned(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:9/\r\n\r\n") as url:
        result = cli("models", "--url", url)
    assert "HTTP status 302" in result.err


def test_key_is_wanted(cli, serve, monkeypatch):
    url = serve(keys=["secret"])
    result = cli("models")
    assert result.code == 4
    assert result.err == f"The node at {url} wants its key: set MODELNET_API_KEY.\n"
    monkeypatch.setenv("MODELNET_API_KEY", "wrong")
    assert cli("models").err == f"The node at {url} refuses the key in MODELNET_API_KEY.\n"
    monkeypatch.setenv("MODELNET_API_KEY", "secret")
    assert cli("models").code == 0


def test_key_that_cannot_be_sent(cli, monkeypatch):
    monkeypatch.setenv("MODELNET_API_KEY", "two words\r\nX: y")
    result = cli("models", "--url", "http://127.0.0.1:9")
    assert result.code == 9
    assert "MODELNET_API_KEY has spaces" in result.err
