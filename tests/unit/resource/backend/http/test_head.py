"""Heads of requests, and the keys in them."""

import pytest

from modelnet.core.error import SettingsError
from modelnet.resource.backend.http.head import fields, fixed_fields, request_head, secrets_in


def test_a_head_holds_all_a_server_wants():
    head = request_head("POST", "/v1/x", fixed_fields("h:1", {"A": "b"}), fields({"C": "d"}), 7)
    lines = head.decode().split("\r\n")
    assert lines[0] == "POST /v1/x HTTP/1.1"
    assert {"Host: h:1", "A: b", "C: d", "Content-Length: 7"} <= set(lines)
    assert lines[-2:] == ["", ""]


@pytest.mark.parametrize(
    ("target", "sent"),
    [
        ("/a b", b"/a%20b"),
        ("/a%20b?c=d&e#f", b"/a%20b?c=d&e#f"),
        ("/\u00e9", b"/%C3%A9"),
        ("/a\r\nX: y", b"/a%0D%0AX:%20y"),
    ],
)
def test_a_target_never_ends_its_line(target: str, sent: bytes):
    assert request_head("GET", target, b"", b"", 0) == b"GET %b HTTP/1.1\r\n\r\n" % sent


@pytest.mark.parametrize("value", ["a\r\nb", "a\nb", "\u00e9", "a\0"])
def test_a_value_never_ends_its_line(value: str):
    with pytest.raises(SettingsError):
        fields({"Authorization": value})


def test_keys_are_told_from_other_fields():
    headers = {"Authorization": "Bearer k1", "X-Api-Key": "k2", "anthropic-version": "2023-06-01"}
    assert secrets_in(headers) == (b"k1", b"k2")
    assert secrets_in({"Authorization": ""}) == ()
