"""What `--model` may say, and what it is told when it says nonsense."""

import sys
from pathlib import Path

import pytest

from modelnet.core.error import ModelnetError, SettingsError
from modelnet.resource.backend.embedded import EmbeddedModel
from modelnet.resource.backend.function import FunctionModel
from modelnet.resource.backend.llama import LlamaModel
from modelnet.resource.backend.onnx import OnnxModel
from modelnet.resource.backend.openai import OpenAIModel
from modelnet.resource.backend.sklearn import EstimatorModel
from modelnet.resource.backend.typed import TypedModel
from modelnet.resource.specification import Specification, model_from, parse_specification

MODULE = """
from modelnet.resource.backend.function import model
from modelnet.resource.backend.typed import typed_model

def shout(prompt: str) -> str:
    return prompt.upper()

@model(skills=["loud"])
def roar(prompt: str) -> str:
    return prompt.upper() + "!"

class Choir:
    @staticmethod
    def sing(prompt: str) -> str:
        return "la"

@typed_model()
def length(text: str) -> int:
    return len(text)

class Tuner:
    def fit(self): ...
    def get_params(self): ...

tuner = Tuner()
SILENCE = 3
"""


@pytest.fixture
def voices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "voices_of_test.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    yield "voices_of_test"
    sys.modules.pop("voices_of_test", None)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("zoo:calc", (None, "zoo", "calc")),
        ("gguf:/models/a=b.gguf", (None, "gguf", "/models/a=b.gguf")),
        ("openai:http://h:1/v1#m:latest", (None, "openai", "http://h:1/v1#m:latest")),
        ("openai:http://h:1?a=b#m", (None, "openai", "http://h:1?a=b#m")),
        ("python:a.b:c", (None, "python", "a.b:c")),
        ("my model=zoo:calc", ("my model", "zoo", "calc")),
        (" zoo:calc ", (None, "zoo", "calc")),
    ],
)
def test_specifications_are_taken_apart(text, expected):
    assert parse_specification(text) == Specification(*expected)


@pytest.mark.parametrize("text", ["", "calc", ":", "zoo:", "ftp:x", "ZOO:calc", "=zoo:calc"])
def test_nonsense_is_told_what_there_is(text):
    with pytest.raises(SettingsError) as caught:
        model_from(text)
    kinds = ("zoo:NAME", "gguf:PATH", "openai:URL#MODEL", "oip:URL#MODEL", "python:MODULE:FUNCTION")
    for kind in kinds:
        assert kind in caught.value.message


def test_functions_are_imported_and_wrapped(voices: str):
    shout = model_from(f"python:{voices}:shout")
    assert isinstance(shout, FunctionModel)
    assert shout.card.name == "shout"
    roar = model_from(f"lion=python:{voices}:roar")
    assert roar.card.name == "lion"
    assert roar.card.skill_ids == {"loud"}
    assert model_from(f"python:{voices}:Choir.sing").card.name == "sing"


def test_typed_functions_and_estimators_are_imported_too(voices: str):
    length = model_from(f"size=python:{voices}:length")
    assert isinstance(length, TypedModel)
    assert length.card.name == "size"
    assert length.card.operations == ("infer",)
    assert isinstance(model_from(f"python:{voices}:tuner"), EstimatorModel)


@pytest.mark.parametrize(
    ("rest", "told"),
    [
        ("no_such_module_at_all:f", "no_such_module_at_all"),
        ("{}:whisper", "no function whisper"),
        ("{}:SILENCE", "no function SILENCE"),
        ("{}", "names no function"),
    ],
)
def test_functions_that_are_not_there(voices: str, rest, told):
    with pytest.raises(SettingsError, match=told):
        model_from("python:" + rest.format(voices))


def test_the_other_kinds_are_made_but_not_started():
    assert isinstance(model_from("gguf:/nowhere/a.gguf"), EmbeddedModel)
    assert isinstance(model_from("openai:http://127.0.0.1:9#m"), OpenAIModel)
    assert isinstance(model_from("llama:http://127.0.0.1:9"), LlamaModel)
    assert isinstance(model_from("zoo:calc"), EmbeddedModel)
    assert isinstance(model_from("onnx:/nowhere/a.onnx"), OnnxModel)
    assert isinstance(model_from("sklearn:/nowhere/a.skops"), EstimatorModel)


def test_an_unknown_animal_is_told_who_lives_in_the_zoo():
    with pytest.raises(SettingsError, match=r"zoo:calc, .*zoo:general"):
        model_from("zoo:unicorn")


@pytest.mark.anyio
async def test_a_missing_file_is_said_to_be_missing():
    with pytest.raises(ModelnetError, match="No such file"):
        await model_from("gguf:/nowhere/a.gguf").start()


def test_a_module_that_fails_as_it_is_imported_is_named(tmp_path, monkeypatch):
    (tmp_path / "half_written.py").write_text("def f(:")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(SettingsError, match="half_written fails"):
        model_from("python:half_written:f")


@pytest.mark.parametrize("name", ["a@b", "a,b"])
def test_a_name_that_a_chain_could_not_hold_is_refused(name):
    with pytest.raises(SettingsError):
        parse_specification(f"{name}=zoo:calc")


@pytest.mark.parametrize(("ending", "word"), [("", None), ("?copy=yes", True), ("?copy=no", False)])
def test_an_owner_may_say_whether_a_file_may_be_copied(ending, word):
    made = model_from(f"mine=gguf:/models/m.gguf{ending}")
    assert isinstance(made, EmbeddedModel)
    assert (made.file.path, made.file.form) == (Path("/models/m.gguf"), "gguf")
    assert made.file.may_copy is word
    assert model_from(f"zoo:calc{ending}").file.may_copy is word


def test_a_projector_stands_behind_the_file(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HOME", "/home/a")
    made = model_from("eye=gguf:~/m.gguf;projector=~/mmproj.gguf?copy=no")
    assert isinstance(made, EmbeddedModel)
    assert made.file.path == Path("/home/a/m.gguf")
    assert made.projector == Path("/home/a/mmproj.gguf")
    assert model_from("gguf:/m.gguf").projector is None
    with pytest.raises(SettingsError, match="names no projector"):
        model_from("gguf:/m.gguf;projector=")
    with pytest.raises(SettingsError, match="a copy would lack"):
        model_from("gguf:/m.gguf;projector=/mmproj.gguf?copy=yes")


def test_what_is_no_file_is_not_copied():
    with pytest.raises(SettingsError, match="no file"):
        model_from("openai:http://127.0.0.1:1#m?copy=yes")
