"""Hugging Face folders of several kinds, run by torch."""

import json
import math
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import numpy as np
import pytest
from safetensors.numpy import load_file, save

from modelnet.core.chunk import Chunk, ToolCall
from modelnet.core.error import (
    ContextTooLongError,
    InvalidRequestError,
    ModelFileError,
    UnsupportedError,
)
from modelnet.core.request import (
    Chat,
    Complete,
    Embed,
    Encode,
    Message,
    Partial,
    Request,
    Sampling,
    Score,
    Step,
)
from modelnet.resource.backend.transformers import TransformersModel
from modelnet.resource.model import Model
from modelnet.resource.zoo import FOLDER
from recipes.checkpoint.checkpoint import read_checkpoint
from recipes.checkpoint.folder import write_folder
from tests.conformance.huggingface import write_babble
from tests.live.parrot import CONTEXT_LENGTH, write_parrot

pytestmark = [pytest.mark.anyio, pytest.mark.live, pytest.mark.slow]

GREEDY = Sampling(temperature=0.0)
QUESTION = "What is 123 plus 456?"
TOOL = {
    "type": "function",
    "function": {"name": "look", "parameters": {"type": "object", "properties": {}}},
}
# The way Qwen and Hermes tell of tools and calls, in short.
HERMES = """\
{%- if tools %}{{ tools | tojson }}{% endif -%}
{%- for m in messages -%}
{{ m['content'] }}
{%- for call in m.tool_calls or [] -%}
<tool_call>{{ call.function | tojson }}</tool_call>
{%- endfor -%}
{%- endfor -%}
{{ '\\n' }}"""


@pytest.fixture(autouse=True)
def torch() -> Any:
    return pytest.importorskip("torch", reason="torch is not installed")


@asynccontextmanager
async def started(path: Path, **options: int) -> AsyncIterator[Model]:
    model = TransformersModel(path, **options)
    await model.start()
    try:
        yield model
    finally:
        await model.stop()


async def hear(model: Model, request: Request) -> list[Chunk]:
    async with aclosing(model.run(request, deadline=time.time() + 30)) as chunks:
        return [chunk async for chunk in chunks]


def chat(text: str = "Hello", **options: Any) -> Chat:
    return Chat((Message("user", text),), **{"sampling": GREEDY, **options})


def text_of(chunks: list[Chunk]) -> str:
    return "".join(chunk.text for chunk in chunks)


@pytest.fixture
def calc(tmp_path: Path) -> Path:
    return write_folder(read_checkpoint(FOLDER / "calc.gguf"), tmp_path / "calc")


async def test_it_answers_with_its_reasoning_apart_and_goes_on_where_it_was(calc: Path):
    async with started(calc) as model:
        chunks = await hear(model, chat(QUESTION))
        assert text_of(chunks) == "579"
        assert "".join(chunk.reasoning for chunk in chunks) == "321+654=975"
        assert chunks[-1].finish == "stop"
        rest = await hear(model, chat(QUESTION, partial=Partial("", "321+65")))
        assert "".join(chunk.reasoning for chunk in rest) == "4=975"
        assert text_of(rest) == "579"
        rest = await hear(model, chat(QUESTION, partial=Partial("5", "321+654=975")))
        assert text_of(rest) == "79"


async def test_the_end_of_an_answer_is_a_step_without_bytes(calc: Path):
    whole = Partial("579", "321+654=975")
    async with started(calc) as model:
        (chunk,) = await hear(model, Step(chat(QUESTION, partial=whole), 2))
    assert chunk.alternatives[0].bytes == b""
    assert chunk.alternatives[0].logprob > math.log(0.9)
    assert chunk.alternatives[1].bytes != b""


async def test_a_letter_of_several_tokens_is_one_chunk(tmp_path: Path):
    said = ("Sum: ", "â", "Ī", "ĳ", "!")
    async with started(write_parrot(tmp_path, *said)) as model:
        chunks = await hear(model, chat(sampling=Sampling(temperature=0.0, top_logprobs=1)))
    assert [chunk.text for chunk in chunks] == ["Sum: ", "∑", "!", ""]
    tokens = [token.bytes for chunk in chunks for token in chunk.tokens]
    assert tokens == [b"Sum: ", b"\xe2", b"\x88", b"\x91", b"!"]


@pytest.mark.parametrize(
    ("stop", "shown"),
    [("e t", "on"), ("two", "one "), ("x", "one two three"), ("three", "one two ")],
)
async def test_a_stop_sequence_may_lie_across_tokens(tmp_path: Path, stop: str, shown: str):
    async with started(write_parrot(tmp_path, "one ", "two ", "three")) as model:
        chunks = await hear(model, chat(sampling=Sampling(temperature=0.0, stop=(stop,))))
    assert text_of(chunks) == shown
    assert chunks[-1].finish == "stop"


async def test_tools_are_called_where_the_template_tells_of_them(tmp_path: Path):
    call = ("<tool_call>", '{"name": "look", ', '"arguments": {"where": "up"}}', "</tool_call>")
    folder = write_parrot(tmp_path, "Well. ", *call, template=HERMES)
    async with started(folder) as model:
        assert model.card.has_tools
        chunks = await hear(model, chat("Hi", tools=(TOOL,)))
        assert text_of(chunks) == "Well. "
        assert chunks[-1].finish == "tool_calls"
        assert chunks[-1].tool_calls == (ToolCall("call_0", "look", '{"where":"up"}'),)
        assert text_of(await hear(model, chat("Hi"))) == "Well. " + "".join(call)
        with pytest.raises(UnsupportedError):
            await hear(model, chat("Hi", tools=(TOOL,), tool_choice="required"))


async def test_what_a_tool_said_is_read(tmp_path: Path):
    folder = write_parrot(tmp_path, "done", template=HERMES)
    turns = (
        Message("user", "Hi"),
        Message("assistant", "", (ToolCall("c1", "look", "{}"),)),
        Message("tool", "a moon", tool_call_id="c1"),
    )
    async with started(folder) as model:
        assert text_of(await hear(model, Chat(turns, GREEDY))) == "done"


async def test_a_template_without_tools_calls_none(tmp_path: Path):
    async with started(write_parrot(tmp_path, "hi")) as model:
        assert not model.card.has_tools


async def test_a_folder_without_a_template_completes_only(tmp_path: Path):
    async with started(write_parrot(tmp_path, "hi", template="")) as model:
        assert model.card.operations == ("complete", "step", "score", "encode")
        assert text_of(await hear(model, Complete("x\n", GREEDY))) == "hi"
        with pytest.raises(UnsupportedError):
            await hear(model, chat())


async def test_a_conversation_the_template_refuses_is_the_asker_s_fault(tmp_path: Path):
    template = "{% if messages[0]['content'] == 'no' %}{{ raise_exception('never') }}{% endif %}\n"
    template += "{{ messages[0]['content'] + '\\n' }}"
    async with started(write_parrot(tmp_path, "hi", template=template)) as model:
        with pytest.raises(InvalidRequestError, match="never"):
            await hear(model, chat("no"))
        assert text_of(await hear(model, chat("yes"))) == "hi"


async def test_a_prompt_may_fill_the_context_but_for_one_token(tmp_path: Path):
    async with started(write_parrot(tmp_path, "one ", "two ")) as model:
        assert model.card.context_length == CONTEXT_LENGTH
        fits = "x" * (CONTEXT_LENGTH - 2) + "\n"
        chunks = await hear(model, Complete(fits, GREEDY))
        assert (text_of(chunks), chunks[-1].finish) == ("one ", "length")
        for request in (Complete("x" + fits, GREEDY), Encode(("x" * (CONTEXT_LENGTH + 1),))):
            with pytest.raises(ContextTooLongError):
                await hear(model, request)
        with pytest.raises(ContextTooLongError):
            await hear(model, Score(Complete(fits), "too long"))


async def test_nothing_cannot_be_gone_on_from(tmp_path: Path):
    async with started(write_parrot(tmp_path, "hi")) as model:
        for request in (Complete("", GREEDY), Step(Complete("")), Encode(("",))):
            with pytest.raises(InvalidRequestError):
                await hear(model, request)


async def test_a_format_is_refused_in_every_operation(tmp_path: Path):
    asked = chat(response_format={"type": "json_object"})
    async with started(write_parrot(tmp_path, "hi")) as model:
        for request in (asked, Step(asked), Score(asked, "x")):
            with pytest.raises(UnsupportedError):
                await hear(model, request)


async def test_a_score_is_the_sum_of_the_steps(calc: Path):
    said = "<think>321+"
    async with started(calc) as model:
        (chunk,) = await hear(model, Score(Complete(f"{QUESTION}\n"), said))
        begun = b""
        for token in chunk.tokens:
            prefix = Complete(f"{QUESTION}\n", partial=Partial(begun.decode()))
            (told,) = await hear(model, Step(prefix, 400))
            known = {one.bytes: one.logprob for one in told.alternatives}
            assert token.logprob == pytest.approx(known[token.bytes], abs=1e-4)
            begun += token.bytes
    assert begun.decode() == said
    assert chunk.usage.completion_tokens == len(chunk.tokens)


async def test_a_long_prompt_read_in_pieces_is_read_the_same(tmp_path: Path, monkeypatch):
    folder = write_babble(tmp_path)
    text = "the fox and the crow " * 30
    async with started(folder) as model:
        at_once = await hear(model, Step(Complete(text), 5))
        monkeypatch.setattr("modelnet.resource.backend.transformers.sequence.PIECE_TOKENS", 7)
        in_pieces = await hear(model, Step(Complete(text), 5))
        assert [a.bytes for a in at_once[0].alternatives] == [
            a.bytes for a in in_pieces[0].alternatives
        ]
        scores = [await hear(model, Score(Complete(text), "the fox")) for _ in range(2)]
        assert scores[0] == scores[1]


async def test_seeds_repeat_an_answer(tmp_path: Path):
    async with started(write_babble(tmp_path)) as model:

        async def said(seed: int | None) -> str:
            sampling = Sampling(max_tokens=20, temperature=1.5, seed=seed)
            return text_of(await hear(model, chat(sampling=sampling)))

        assert await said(7) == await said(7)
        assert len({await said(seed) for seed in (1, 2, None, None)}) == 4


async def test_more_than_there_are_places_for_wait_their_turn(tmp_path: Path):
    prompts = [f"prompt {n}" for n in range(6)]
    sampling = Sampling(max_tokens=12, temperature=0.0)
    async with started(write_babble(tmp_path), parallel=2) as model:
        alone = {p: text_of(await hear(model, Complete(p, sampling))) for p in prompts}
        together: dict[str, str] = {}

        async def ask(prompt: str) -> None:
            together[prompt] = text_of(await hear(model, Complete(prompt, sampling)))

        async with anyio.create_task_group() as group:
            for prompt in prompts:
                group.start_soon(ask, prompt)
    assert together == alone


async def test_who_waits_for_a_place_may_leave(tmp_path: Path):
    async with started(write_babble(tmp_path), parallel=1) as model:
        async with aclosing(model.run(chat("long"), deadline=time.time() + 30)) as chunks:
            await anext(chunks)
            with anyio.move_on_after(0.1) as scope:
                await hear(model, chat("waits"))
            assert scope.cancelled_caught
        short = Sampling(max_tokens=2, temperature=0.0)
        assert text_of(await hear(model, chat(sampling=short)))


def spoil_weights(folder: Path, change: Callable[[dict[str, np.ndarray]], None]) -> None:
    weights = load_file(folder / "model.safetensors")
    change(weights)
    (folder / "model.safetensors").write_bytes(save(weights, metadata={"format": "pt"}))


def spoil_config(folder: Path, **changes: Any) -> None:
    told = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(told | changes))


NORM = "model.norm.weight"
EMBEDDING = "model.embed_tokens.weight"
SPOILS: dict[str, Callable[[Path], object]] = {
    "no tokenizer": lambda f: (f / "tokenizer.json").unlink(),
    "garbage tokenizer": lambda f: (f / "tokenizer.json").write_text("{}"),
    "binary tokenizer": lambda f: (f / "tokenizer.json").write_bytes(bytes(range(256))),
    "garbage settings": lambda f: (f / "tokenizer_config.json").write_text("[1"),
    "garbage habits": lambda f: (f / "generation_config.json").write_text("[1"),
    "a weight missing": lambda f: spoil_weights(f, lambda w: w.pop(NORM)),
    "a weight too small": lambda f: spoil_weights(f, lambda w: w.update({NORM: w[NORM][:9]})),
    "no numbers": lambda f: spoil_weights(f, lambda w: w[NORM].fill(np.nan)),
    "tokens without weights": lambda f: (
        spoil_config(f, vocab_size=20),
        spoil_weights(
            f,
            lambda w: w.update({EMBEDDING: w[EMBEDDING][:20], "lm_head.weight": w[EMBEDDING][:20]}),
        ),
    ),
    "unknown kind": lambda f: spoil_config(f, model_type="nobody-knows-me"),
    "negative size": lambda f: spoil_config(f, num_hidden_layers=-1),
    "no heads": lambda f: spoil_config(f, num_attention_heads=0),
    "words for numbers": lambda f: spoil_config(f, hidden_size="many"),
    "weights cut short": lambda f: (f / "model.safetensors").write_bytes(
        (f / "model.safetensors").read_bytes()[:-9]
    ),
}


@pytest.mark.parametrize("spoil", SPOILS.values(), ids=SPOILS)
async def test_a_folder_that_is_wrong_is_refused(tmp_path: Path, spoil: Callable[[Path], object]):
    folder = write_parrot(tmp_path, "hi")
    spoil(folder)
    model = TransformersModel(folder)
    with pytest.raises(ModelFileError) as caught:
        await model.start()
    assert "\n" not in caught.value.message
    await model.stop()


async def test_code_in_a_folder_is_never_run(tmp_path: Path):
    folder = write_parrot(tmp_path / "model", "hi")
    traces = tmp_path / "was-here"
    (folder / "own.py").write_text(
        f"open({str(traces)!r}, 'w')\nclass Config: ...\nclass Own: ...\n"
    )
    own = {"AutoConfig": "own.Config", "AutoModelForCausalLM": "own.Own"}
    spoil_config(folder, model_type="own", auto_map=own)
    with pytest.raises(ModelFileError):
        await TransformersModel(folder).start()
    assert not traces.exists()


OFFLINE = """
import sys
def refuse(event, arguments):
    if event in {"socket.connect", "socket.getaddrinfo", "socket.sendto"}:
        raise SystemExit(f"reached out: {event} {arguments}")
sys.addaudithook(refuse)
import asyncio
from pathlib import Path
from modelnet.core.error import ModelFileError
from modelnet.resource.backend.transformers import TransformersModel
async def main():
    model = TransformersModel(Path(sys.argv[1]))
    try:
        await model.start()
    except ModelFileError as error:
        print("refused")
    else:
        print("started")
        await model.stop()
asyncio.run(main())
"""


@pytest.mark.parametrize(("missing", "told"), [(None, "started"), ("tokenizer.json", "refused")])
async def test_it_never_reaches_out(tmp_path: Path, missing: str | None, told: str):
    folder = write_parrot(tmp_path, "hi")
    if missing:
        (folder / missing).unlink()
    command = [sys.executable, "-c", OFFLINE, folder]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    ran = await anyio.run_process(command, check=False, stderr=subprocess.STDOUT, env=kept)
    assert ran.stdout.decode().split()[-1:] == [told], ran.stdout.decode()


def write_embedder(folder: Path) -> Path:
    """Make the zoo's `calc` an embedder: any model with hidden states can be one."""
    write_folder(read_checkpoint(FOLDER / "calc.gguf"), folder)
    parts = "sentence_transformers.models."
    modules = [
        {"path": "", "type": f"{parts}Transformer"},
        {"path": "1_Pooling", "type": f"{parts}Pooling"},
        {"path": "2_Normalize", "type": f"{parts}Normalize"},
    ]
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling/config.json").write_text('{"pooling_mode_mean_tokens": true}')
    (folder / "sentence_bert_config.json").write_text('{"max_seq_length": 16}')
    return folder


async def test_an_embedder_embeds_and_encodes_and_says_nothing(tmp_path: Path):
    async with started(write_embedder(tmp_path)) as model:
        assert model.card.operations == ("embed", "encode")
        assert model.card.embedding_size == 128
        assert model.card.context_length == 16
        (chunk,) = await hear(model, Embed(("What is 1?", "plus", "What is 1?")))
        one, other, again = (np.frombuffer(vector, "<f4") for vector in chunk.vectors)
        assert float(np.linalg.norm(one)) == pytest.approx(1.0, abs=1e-5)
        np.testing.assert_array_equal(one, again)
        assert not np.allclose(one, other)
        (told,) = await hear(model, Encode(("What is 1?",)))
        states = np.frombuffer(told.tensors[0].data, "<f4").reshape(told.tensors[0].shape)
        mean = states.mean(axis=0)
        np.testing.assert_allclose(mean / np.linalg.norm(mean), one, atol=1e-6)
        with pytest.raises(ContextTooLongError):
            await hear(model, Embed(("short", "1" * 17)))
        with pytest.raises(UnsupportedError):
            await hear(model, Complete("x"))


def write_encoder(folder: Path, transformers: Any) -> Path:
    """Write a small BERT that was never trained, with a tokenizer of words."""
    from tokenizers import Tokenizer, models, pre_tokenizers

    words = {word: place for place, word in enumerate(("[UNK]", "[PAD]", "the", "fox", "crow"))}
    tokenizer = Tokenizer(models.WordPiece(words, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.enable_truncation(3)
    tokenizer.enable_padding(pad_id=1, pad_token="[PAD]", length=9)
    wrapped = transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]"
    )
    wrapped.save_pretrained(folder)
    config = transformers.BertConfig(
        vocab_size=5, hidden_size=8, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=8, max_position_embeddings=16,
    )  # fmt: skip
    transformers.BertModel(config).save_pretrained(folder)
    return folder


async def test_an_encoder_encodes_all_it_is_given(tmp_path: Path):
    import transformers

    async with started(write_encoder(tmp_path, transformers)) as model:
        assert model.card.operations == ("encode",)
        assert (model.card.hidden_size, model.card.layers) == (8, 2)
        (chunk,) = await hear(model, Encode(("the fox", "the fox the crow the fox"), 1))
        # The file says to cut at 3 and to fill up to 9: neither may happen without a word.
        assert [tensor.shape for tensor in chunk.tensors] == [(2, 8), (6, 8)]
        with pytest.raises(ContextTooLongError):
            await hear(model, Encode(("the " * 17,)))
