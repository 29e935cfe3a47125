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


def test_a_variable_may_stand_in_the_middle():
    table = RouteTable(
        {("GET", "/m/{id}"): one, ("GET", "/m/{id}/ready"): two, ("POST", "/m/{id}/infer"): two}
    )
    assert table.find("GET", "/m/a/b") == (one, "/m/{id}", "a/b")
    assert table.find("GET", "/m/a/b/ready") == (two, "/m/{id}/ready", "a/b")
    assert table.find("GET", "/m/ready") == (one, "/m/{id}", "ready")
    with pytest.raises(HttpError, match="use POST"):
        table.find("GET", "/m/a/infer")


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
