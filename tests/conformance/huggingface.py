"""The babbling model as Hugging Face's libraries and the servers on them have it.

vLLM is not to be had everywhere: start one with the folder that `write_babble` makes, as
`vllm serve FOLDER --served-model-name babble`, and name it in MODELNET_VLLM_URL.
"""

import os
import re
import urllib.request
from pathlib import Path

import pytest

from modelnet.resource.backend.openai import OpenAIModel, openai_endpoint
from modelnet.resource.backend.transformers import TransformersModel
from modelnet.resource.model import Model
from tests.conformance.tiny_gguf import write_tiny_gguf

VLLM_URL = os.environ.get("MODELNET_VLLM_URL")


def write_babble(folder: Path) -> Path:
    """Write the model of `tiny_gguf` as a folder that transformers reads, and return the folder."""
    from recipes.checkpoint.checkpoint import read_checkpoint
    from recipes.checkpoint.folder import write_folder

    checkpoint = read_checkpoint(write_tiny_gguf(folder / "babble.gguf"))
    # Random weights babble however they are cut into heads; vLLM wants heads of 32 on a CPU.
    shape = checkpoint.shape._replace(heads=1, kv_heads=1)
    return write_folder(checkpoint._replace(shape=shape), folder / "babble")


def transformers(folder: Path) -> Model:
    pytest.importorskip("torch", reason="torch is not installed")
    return TransformersModel(write_babble(folder))


def vllm(folder: Path) -> Model:
    assert VLLM_URL is not None
    return OpenAIModel(openai_endpoint(VLLM_URL), name="babble")


def is_vllm_busy(model: Model) -> bool:
    with urllib.request.urlopen(f"{VLLM_URL}/metrics") as answer:
        told = answer.read().decode()
    counts = re.findall(r"^vllm:num_requests_(?:running|waiting)\{.*\} (\S+)$", told, re.MULTILINE)
    assert counts
    return any(float(count) for count in counts)
