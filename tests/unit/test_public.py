"""The public names are pinned, and importing the package loads nothing heavy."""

import subprocess
import sys

import pytest

import modelnet

PUBLIC = [
    "Chat",
    "Chunk",
    "Complete",
    "Embed",
    "Encode",
    "Infer",
    "Message",
    "ModelCard",
    "ModelnetError",
    "Node",
    "Sampling",
    "Settings",
    "Tensor",
    "TensorSpec",
    "Weights",
    "Wish",
    "array_of",
    "load_settings",
    "model",
    "tensor_from",
    "typed_model",
]

HEAVY = ("zenoh", "xllamacpp", "uvicorn", "aiohttp", "numpy", "prometheus_client", "torch")


def test_the_public_names_are_these():
    assert modelnet.__all__ == PUBLIC
    assert dir(modelnet) == PUBLIC


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_name_exists_and_is_documented(name):
    assert getattr(modelnet, name).__doc__


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="nonsense"):
        _ = modelnet.nonsense


@pytest.mark.parametrize("statement", ["import modelnet", "from modelnet import Node, model"])
def test_importing_loads_nothing_heavy(statement):
    code = f"{statement}\nimport sys\nprint([m for m in {HEAVY!r} if m in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
