import pytest

from modelnet.application.gateway.feedback.reading import (
    Which,
    Word,
    entries_in,
    task_id,
    which_in,
    word_in,
)
from modelnet.core.error import InvalidRequestError, UnsupportedError


@pytest.mark.parametrize(
    ("body", "word"),
    [
        (b'{"id": "chatcmpl-ab", "score": 0.7}', Word("ab", 0.7, None)),
        (b'{"id": "cmpl-ab", "score": 0}', Word("ab", 0.0, None)),
        (b'{"id": "ab", "right": true}', Word("ab", 1.0, None)),
        (b'{"id": "ab", "right": false}', Word("ab", 0.0, None)),
        (b'{"id": "ab", "answer": "Paris"}', Word("ab", None, "Paris")),
        (b'{"id": "ab", "right": true, "score": null, "user": "x"}', Word("ab", 1.0, None)),
    ],
)
def test_a_word(body, word):
    assert word_in(body) == word


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (b"", None),
        (b"null", None),
        (b"\xff", None),
        (b"[" * 100_000, None),
        (b'{"right": true}', "id"),
        (b'{"id": "", "right": true}', "id"),
        (b'{"id": 3, "right": true}', "id"),
        (b'{"id": "' + b"x" * 129 + b'", "right": true}', "id"),
        (b'{"id": "ab"}', "right"),
        (b'{"id": "ab", "right": true, "score": 1}', "right"),
        (b'{"id": "ab", "score": 1, "answer": "x"}', "answer"),
        (b'{"id": "ab", "score": 1.01}', "score"),
        (b'{"id": "ab", "score": -0.01}', "score"),
        (b'{"id": "ab", "score": NaN}', None),
        (b'{"id": "ab", "score": 1e999}', "score"),
        (b'{"id": "ab", "score": "1"}', "score"),
        (b'{"id": "ab", "score": true}', "score"),
        (b'{"id": "ab", "right": 1}', "right"),
        (b'{"id": "ab", "answer": ""}', "answer"),
        (b'{"id": "ab", "answer": "' + b"x" * 5000 + b'"}', "answer"),
    ],
)
def test_nonsense(body, param):
    with pytest.raises(InvalidRequestError) as caught:
        word_in(body)
    if param is not None:
        assert caught.value.param == param


def test_comments_are_refused():
    with pytest.raises(UnsupportedError) as caught:
        word_in(b'{"id": "ab", "right": true, "comment": "nice"}')
    assert caught.value.param == "comment"


def test_the_id_of_a_task():
    assert [task_id(told) for told in ("chatcmpl-a", "cmpl-a", "a")] == ["a", "a", "a"]


@pytest.mark.parametrize(
    ("query", "which"),
    [
        (b"", Which()),
        (b"id=chatcmpl-ab", Which(task="ab")),
        (b"before=1000.5", Which(before=1000.5)),
        (b"before=1e9", Which(before=1e9)),
        (b"before=1970-01-02", Which(before=86400.0)),
        (b"before=1970-01-01T01:00:00", Which(before=3600.0)),
        (b"before=1970-01-01T01:00:00%2B01:00&id=a", Which(before=0.0, task="a")),
        (b"before=1970-01-02T00:00:00Z", Which(before=86400.0)),
    ],
)
def test_which(query, which):
    assert which_in(query) == which


@pytest.mark.parametrize(
    "query",
    [
        *(b"all", b"befor=3", b"id=", b"id=a&id=b", b"before=", b"before=yesterday", b"&"),
        *(
            b"before=nan",
            b"before=inf",
            b"before=-1",
            b"before=9999-99-99",
            b"\xff=1",
            b"before=1e300",
        ),
        b"id=" + b"x" * 200,
    ],
)
def test_nothing_is_deleted_by_mistake(query):
    with pytest.raises(InvalidRequestError):
        which_in(query)


LINE = (
    b'{"task":"t","at":1.0,"kind":"facts","node":"did:key:z6MkA","model":"m","verdict":0.5,'
    b'"source":"verifier"}'
)


def test_the_lines_of_an_export():
    told = entries_in(b"\n" + LINE + b"\n\n" + LINE.replace(b'"t"', b'"u"'))
    assert [entry.task for entry in told] == ["t", "u"]


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        (b"", "no verdict"),
        (b" \n\n", "no verdict"),
        (LINE + b"\n{}", "Line 2"),
        (LINE + b"\n" + LINE.replace(b"0.5", b"NaN"), "Line 2"),
        (LINE.replace(b"0.5", b"2"), "verdict"),
        (LINE.replace(b'"model":"m",', b""), "model"),
        (LINE.replace(b'"m"', b'""'), "model"),
        (LINE.replace(b'"verifier"', b'"rumour"'), "source"),
        (LINE.replace(b"1.0", b"-1"), "at"),
        (b"\xff\xfe", "Line 1"),
        (b"[" * 100_000, "Line 1"),
        (LINE[:-5], "Line 1"),
    ],
)
def test_lines_that_are_none(lines, says):
    with pytest.raises(InvalidRequestError, match=says):
        entries_in(lines)
