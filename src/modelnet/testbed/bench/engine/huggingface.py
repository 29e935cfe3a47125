"""Hugging Face transformers, asked for the same chat as the other engines of language.

The zoo's `calc` is a GGUF file; transformers reads it, by `gguf`, and saves it as a folder.
"""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import anyio

from modelnet.application.demo.process import Fleet
from modelnet.core.chunk import Chunk
from modelnet.core.clock import system_clock
from modelnet.core.error import EngineError
from modelnet.resource.backend.reasoning import ReasoningFilter
from modelnet.resource.backend.transformers.library import Libraries, load_libraries
from modelnet.resource.model import Model
from modelnet.resource.zoo import FOLDER
from modelnet.testbed.bench.engine.contestant import Contestant, started
from modelnet.testbed.bench.engine.language import CHAT, MAX_TOKENS, MESSAGES
from modelnet.testbed.bench.engine.measure import ANSWER_S, Pair

_FILE = "calc.gguf"


class Answer(NamedTuple):
    """What was written, whichever way it was asked for."""

    text: str
    reasoning: str
    n_tokens: int
    """With the one that ends it."""


class Direct:
    """What a careful user of the library writes to let a folder answer, in any thread."""

    def __init__(self, libraries: Libraries, folder: Path) -> None:
        """Load tokenizer and weights."""
        self._torch, library = libraries.torch, libraries.transformers
        self._tokenizer = library.AutoTokenizer.from_pretrained(folder)
        model = library.AutoModelForCausalLM.from_pretrained(folder, dtype="auto")
        self._model = model.to("cuda" if self._torch.cuda.is_available() else "cpu").eval()

    def __call__(self) -> Answer:
        """Answer the question once."""
        with self._torch.inference_mode():
            prompt = self._tokenizer.apply_chat_template(
                MESSAGES, add_generation_prompt=True, return_tensors="pt", return_dict=True
            ).to(self._model.device)
            tokens = self._model.generate(**prompt, max_new_tokens=MAX_TOKENS, do_sample=False)
        written = tokens[0, prompt["input_ids"].shape[1] :]
        return read(self._tokenizer.decode(written, skip_special_tokens=True), len(written))


def read(raw: str, n_tokens: int) -> Answer:
    """Tell thought from answer in what a model wrote."""
    split = ReasoningFilter()
    parts = (split.feed(raw), split.flush())
    return Answer(
        "".join(part.text for part in parts), "".join(part.reasoning for part in parts), n_tokens
    )


async def check(model: Model, direct: Answer) -> None:
    """Return if a model says word for word what its engine says asked directly.

    Raises:
        EngineError: it says something else, or in more or fewer tokens.
    """
    asked = model.run(CHAT, deadline=system_clock() + ANSWER_S)
    async with aclosing(asked) as chunks:
        adapter = _joined([chunk async for chunk in chunks])
    if adapter != direct:
        raise EngineError(
            f"The two ways cannot be compared: through the adapter came {adapter}, "
            f"directly {direct}."
        )


def _joined(chunks: Sequence[Chunk]) -> Answer:
    usage = chunks[-1].usage
    return Answer(
        "".join(chunk.text for chunk in chunks),
        "".join(chunk.reasoning for chunk in chunks),
        usage.completion_tokens if usage else 0,
    )


@asynccontextmanager
async def transformers(_: Fleet, home: Path) -> AsyncGenerator[Pair]:
    """Torch in this process; both ways compute with as many threads as it chooses."""
    folder = home / "calc"
    direct = await anyio.to_thread.run_sync(_loaded, folder)
    async with started(f"transformers:{folder}") as model:
        await check(model, await anyio.to_thread.run_sync(direct))
        yield Pair(name="transformers", model=model, request=CHAT, call=direct)


def _loaded(folder: Path) -> Direct:
    libraries = load_libraries()
    _write_folder(libraries.transformers, folder)
    return Direct(libraries, folder)


def _write_folder(library: Any, folder: Path) -> None:
    where = {"pretrained_model_name_or_path": FOLDER, "gguf_file": _FILE}
    tokenizer = library.AutoTokenizer.from_pretrained(**where)
    given = library.AutoModelForCausalLM.from_pretrained(**where)
    # What was read from GGUF counts as quantised and is not saved, but a copy of its numbers is.
    config = library.AutoConfig.from_pretrained(**where)
    model = library.AutoModelForCausalLM.from_config(config, dtype=given.dtype)
    model.load_state_dict(given.state_dict())
    # The library gives every tokenizer of this kind a token more than the file has.
    model.resize_token_embeddings(len(tokenizer), mean_resizing=False)
    tokenizer.save_pretrained(folder)
    model.save_pretrained(folder)


HUGGING_FACE: dict[str, Contestant] = {
    "transformers": Contestant(transformers, ("torch", "transformers", "gguf"), requests=128),
}
