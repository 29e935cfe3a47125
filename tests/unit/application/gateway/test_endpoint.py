"""Requests find their endpoint, or are told why not."""

import pytest

from modelnet.application.gateway.endpoint import HttpRequest, Reply, RouteTable
from modelnet.application.gateway.failure import HttpError


async def one(_: HttpRequest) -> Reply:
    return Reply(body=b"1")


async def two(_: HttpRequest) -> Reply:
    return Reply(body=b"2")


TABLE = RouteTable(
    {("GET", "/a"): one, ("POST", "/a"): two, ("GET", "/a/{id}"): two, ("POST", "/b"): two}
)


def test_exact_paths_come_first():
    assert TABLE.find("GET", "/a") == (one, "/a", "")
    assert TABLE.find("POST", "/a") == (two, "/a", "")
    assert TABLE.find("HEAD", "/a").endpoint is one


def test_the_tail_may_hold_anything():
    assert TABLE.find("GET", "/a/x/y@z") == (two, "/a/{id}", "x/y@z")


@pytest.mark.parametrize("path", ["/", "", "/a/", "/A", "/c", "/b/x"])
def test_an_unknown_path(path: str):
    with pytest.raises(HttpError) as caught:
        TABLE.find("GET", path)
    assert caught.value.status == 404


def test_a_wrong_method_is_told_the_right_ones():
    with pytest.raises(HttpError) as caught:
        TABLE.find("DELETE", "/a")
    assert caught.value.status == 405
    assert caught.value.headers == ((b"allow", b"GET, POST"),)
    with pytest.raises(HttpError):
        TABLE.find("HEAD", "/b")
