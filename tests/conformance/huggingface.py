"""The babbling model as Hugging Face's libraries and the servers on them have it."""

import atexit
import tempfile
from contextlib import ExitStack
from functools import cache
from pathlib import Path

import pytest

from modelnet.resource.backend.openai import OpenAIModel, openai_endpoint
from modelnet.resource.backend.transformers import TransformersModel
from modelnet.resource.model import Model
from tests.conformance import vllm_serve
from tests.conformance.tiny_gguf import write_tiny_gguf
from tests.conformance.transformers_serve import Server, serving

CONVERSATION = """\
{%- for message in messages -%}
{{ message['content'] }}{{ '' if loop.last else '\n' }}
{%- endfor -%}
{{ '\n' if add_generation_prompt else '' }}"""
"""A chat template that tells of every message, and leaves the last one open where it is told to."""


def write_babble(folder: Path) -> Path:
    """Write the model of `tiny_gguf` as a folder that transformers reads, and return the folder."""
    from recipes.checkpoint.checkpoint import read_checkpoint
    from recipes.checkpoint.folder import write_folder

    checkpoint = read_checkpoint(write_tiny_gguf(folder / "babble.gguf"))
    # Random weights babble however they are cut into heads; vLLM wants heads of 32 on a CPU.
    shape = checkpoint.shape._replace(heads=1, kv_heads=1)
    vocabulary = checkpoint.vocabulary._replace(chat_template=CONVERSATION)
    made = checkpoint._replace(shape=shape, vocabulary=vocabulary)
    return write_folder(made, folder / "babble")


def transformers(folder: Path) -> Model:
    pytest.importorskip("torch", reason="torch is not installed")
    return TransformersModel(write_babble(folder))


def transformers_serve(folder: Path) -> Model:
    server = one_server()
    made = OpenAIModel(openai_endpoint(server.url), name="babble")
    made.server = server
    return made


@cache
def one_server() -> Server:
    """Return a server that lasts as long as the tests: it takes seconds to start."""
    stack = ExitStack()
    atexit.register(stack.close)
    home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    return stack.enter_context(serving(home, write_babble(home)))


def vllm(folder: Path) -> Model:
    return of_vllm(vllm_serve.one_server(write_babble))


def vllm_embedder(folder: Path) -> Model:
    """Return the same weights as vLLM serves them to whoever wants vectors: and nothing else."""
    return of_vllm(vllm_serve.started(write_babble, "--runner", "pooling", "--convert", "embed"))


def of_vllm(server: vllm_serve.Server) -> Model:
    made = OpenAIModel(openai_endpoint(server.url), name="babble")
    made.server = server
    return made
