"""The error tree: one table covers it, and errors survive the way between nodes."""

import pytest

from modelnet.core import error as errors
from modelnet.core.error import (
    STATUS_OF,
    EngineError,
    ErrorReport,
    ModelnetError,
    OverloadedError,
    error_from,
    report,
    status_of,
)


def all_kinds(kind: type[ModelnetError] = ModelnetError) -> list[type[ModelnetError]]:
    ours = [child for child in kind.__subclasses__() if child.__module__ == errors.__name__]
    return [kind, *(below for child in ours for below in all_kinds(child))]


@pytest.mark.parametrize("kind", all_kinds())
def test_every_error_has_a_status_and_an_exit_code(kind):
    status = status_of(kind("x"))
    assert 400 <= status.http < 600
    assert status.exit_code > 0


def test_the_table_names_no_error_that_does_not_exist():
    assert set(STATUS_OF) == set(all_kinds())


@pytest.mark.parametrize("kind", all_kinds())
def test_an_error_comes_back_with_its_code_fault_and_message(kind):
    told = report(kind("one sentence", retry_after_s=2.5))
    back = error_from(told)
    assert (back.code, back.fault, back.retryable) == (kind.code, kind.fault, kind.retryable)
    assert (back.message, back.retry_after_s) == ("one sentence", 2.5)


def test_an_error_of_a_newer_node_becomes_an_engine_error():
    told = ErrorReport("from_the_future", "what is this", "model", True)
    assert type(error_from(told)) is EngineError


def test_a_peer_cannot_make_an_error_look_like_something_else():
    """The class decides fault and retryability, not what the peer writes beside the code."""
    told = ErrorReport("overloaded", "busy", "asker", False, 1.0)
    back = error_from(told)
    assert type(back) is OverloadedError
    assert back.retryable
    assert back.fault == "peer"


def test_the_drawn_tree_names_every_class():
    drawing = errors.__doc__ or ""
    assert [kind.__name__ for kind in all_kinds() if kind.__name__ not in drawing] == []
