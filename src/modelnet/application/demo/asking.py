"""Asking through the official OpenAI client: what any program that speaks OpenAI would do."""

import time
from collections.abc import AsyncGenerator, Generator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import msgspec

from modelnet.application.demo.result import Asked
from modelnet.application.reply import Provenance
from modelnet.core.error import EngineError, SetupError
from modelnet.service.skill import Question

if TYPE_CHECKING:
    from openai import AsyncOpenAI

ANSWER_S = 60.0


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a streamed answer; the last one says who gave the answer."""

    text: str
    at_s: float
    """Seconds of the monotonic clock."""
    origin: Provenance | None = None


class Asker:
    """Asks one node."""

    def __init__(self, client: "AsyncOpenAI") -> None:
        self._client = client

    async def ask(self, question: Question, model: str) -> tuple[Asked, Provenance]:
        """Ask for a whole answer.

        Raises:
            EngineError: there is none.
        """
        began = time.perf_counter()
        with _sentences():
            completion = await self._client.chat.completions.create(
                model=model,
                messages=[{"role": "user", "content": question.prompt}],
                temperature=0.0,
            )
        latency_s = time.perf_counter() - began
        origin = _origin(completion.model_extra)
        asked = Asked(
            question=question,
            text=completion.choices[0].message.content or "",
            latency_s=latency_s,
            tokens=completion.usage.total_tokens if completion.usage else 0,
            models=tuple(one.model for one in origin.contributors),
        )
        return asked, origin

    async def stream(self, question: Question, model: str) -> AsyncGenerator[Piece, None]:
        """Ask and yield the answer as it comes.

        Raises:
            EngineError: there is none, or not the rest of it.
        """
        with _sentences():
            stream = await self._client.chat.completions.create(
                model=model,
                messages=[{"role": "user", "content": question.prompt}],
                temperature=0.0,
                stream=True,
            )
            async with stream:
                async for chunk in stream:
                    text = "".join(choice.delta.content or "" for choice in chunk.choices)
                    told = (chunk.model_extra or {}).get("modelnet")
                    origin = msgspec.convert(told, Provenance) if told else None
                    if text or origin:
                        yield Piece(text, time.monotonic(), origin)


def require_client() -> None:
    """Return if the client is installed.

    Raises:
        SetupError: it is not.
    """
    if find_spec("openai") is None:
        raise SetupError(
            "The demo asks through the official OpenAI client: install it with "
            "`pip install 'ai-modelnet[demo]'`."
        )


@asynccontextmanager
async def open_asker(url: str) -> AsyncGenerator[Asker]:
    """Yield an asker for the node at an OpenAI URL."""
    import openai

    # A proxy of the environment must not come between this machine and itself.
    async with (
        openai.DefaultAsyncHttpxClient(trust_env=False) as http,
        openai.AsyncOpenAI(
            base_url=url, api_key="none", max_retries=0, timeout=ANSWER_S, http_client=http
        ) as client,
    ):
        yield Asker(client)


@contextmanager
def _sentences() -> Generator[None]:
    import openai

    try:
        yield
    except openai.OpenAIError as error:
        raise EngineError(f"A question of the demo got no answer: {error}") from error


def _origin(extra: Mapping[str, Any] | None) -> Provenance:
    return msgspec.convert((extra or {}).get("modelnet", {}), Provenance)
