"""Who may have what: the owner's no is final, the licence must be known where nobody looks on."""

import msgspec
import pytest

from modelnet.core.card import Artifact, ModelCard
from modelnet.core.error import UnsupportedError
from modelnet.resource.copy.permission import check_copy, is_free, may_hand_on

CARD = ModelCard(
    name="m",
    operations=("chat",),
    engine="llama.cpp",
    licence="Apache-2.0",
    artifact=Artifact(digest="0" * 64, size_bytes=1, form="gguf"),
)


@pytest.mark.parametrize(
    ("form", "licence", "word", "may"),
    [
        ("gguf", "Apache-2.0", None, True),
        ("gguf", "apache-2.0", None, True),
        ("gguf", "MIT", None, True),
        ("gguf", "MIT", False, False),
        ("gguf", None, None, False),
        ("gguf", "", None, False),
        ("gguf", "llama3", None, False),
        ("gguf", "CC-BY-NC-4.0", None, False),
        ("gguf", None, True, True),
        ("pickle", "MIT", True, False),
        ("onnx", "MIT", True, False),
    ],
)
def test_what_is_handed_on(form, licence, word, may):
    assert may_hand_on(form, licence, word) is may


def test_licences_are_compared_without_case_and_spaces():
    assert is_free(" mit ")
    assert not is_free("MIT and something else")


@pytest.mark.parametrize("cause", ["pull", "deploy", "takeover"])
def test_a_free_file_may_come_for_any_cause(cause):
    assert check_copy(CARD, cause) == CARD.artifact


@pytest.mark.parametrize("cause", ["pull", "deploy", "takeover"])
@pytest.mark.parametrize(
    "change",
    [{"artifact": None}, {"form": "pickle"}, {"may_copy": False}],
)
def test_no_cause_is_enough_for_what_must_not_be(cause, change):
    artifact = None
    if "artifact" not in change:
        artifact = msgspec.structs.replace(CARD.artifact, **change)
    with pytest.raises(UnsupportedError):
        check_copy(msgspec.structs.replace(CARD, artifact=artifact), cause)


def test_an_unknown_licence_is_for_a_person_only():
    card = msgspec.structs.replace(CARD, licence="house-rules")
    assert check_copy(card, "pull")
    for cause in ("deploy", "takeover"):
        with pytest.raises(UnsupportedError, match="house-rules"):
            check_copy(card, cause)
