"""Any Python function as a model: plain, async or a generator, of a prompt or a whole `Chat`."""

import inspect
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from typing import Any

import msgspec

from modelnet.core.card import ModelCard, Price, Skill
from modelnet.core.chunk import Chunk, Usage
from modelnet.core.clock import Clock, system_clock
from modelnet.core.error import EngineError, ModelnetError, SettingsError
from modelnet.core.request import Chat, Complete, Message, Request, text_of
from modelnet.resource.backend.guard import (
    Lifetime,
    refuse_response_format,
    refuse_unsupported,
    unsupported,
)
from modelnet.resource.backend.shaping import Shaper, count_pieces
from modelnet.resource.backend.thread import END, Threads

Function = Callable[..., Any]
"""`str -> str`, or `Chat -> str`; `async`, or a generator of `str`, sync or async."""

DEFAULT_PARALLEL = 8


def model(
    *,
    skills: Sequence[str | Skill] = (),
    name: str | None = None,
    description: str | None = None,
    parallel: int = DEFAULT_PARALLEL,
    price: Price | None = None,
) -> Callable[[Function], "FunctionModel"]:
    """Return a decorator that makes a function a model a node can serve.

    The function takes the text of the last user message, or, if its parameter is annotated so, the
    whole `Chat`. What it returns, or yields piece by piece, is the answer.
    """

    def decorate(function: Function) -> FunctionModel:
        card = ModelCard(
            name=name or getattr(function, "__name__", "function"),
            description=description or (inspect.getdoc(function) or "").partition("\n")[0],
            operations=("chat", "complete"),
            skills=tuple(s if isinstance(s, Skill) else Skill(s, s) for s in skills),
            engine="python",
            parallel=parallel,
            price=price or Price(),
        )
        return FunctionModel(function, card)

    return decorate


class FunctionModel:
    """A Model whose answers a Python function makes. Calling it calls the function.

    Sync functions run in worker threads. An answer begun elsewhere is continued by running the
    function and leaving out the part that exists: right for a function that repeats itself, an
    `EngineError` for one that does not.
    """

    def __init__(self, function: Function, card: ModelCard, clock: Clock = system_clock) -> None:
        self._function = function
        self._card = card
        self._takes_chat = _takes_chat(function)
        self._streams = inspect.isasyncgenfunction(function) or inspect.isgeneratorfunction(
            function
        )
        self._threads = Threads(card.parallel, card.name)
        self._clock = clock
        self._lifetime = Lifetime(card.name, clock)

    @property
    def card(self) -> ModelCard:
        """The card, made from the function and the arguments of the decorator."""
        return self._card

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function as if it had never become a model."""
        return self._function(*args, **kwargs)

    def renamed(self, name: str) -> "FunctionModel":
        """Return a model of the same function under another name."""
        card = msgspec.structs.replace(self._card, name=name)
        return FunctionModel(self._function, card, self._clock)

    async def start(self) -> None:
        """Begin to answer."""
        self._lifetime.begin()

    async def stop(self) -> None:
        """End the answers under way; a thread that does not return is left behind."""
        self._lifetime.end()
        self._threads.close()

    async def run(self, request: Request, *, deadline: float) -> AsyncGenerator[Chunk, None]:
        """Answer with what the function says, as `Model.run` has it."""
        self._lifetime.check()
        refuse_unsupported(self._card, request)
        if not isinstance(request, Chat | Complete):
            raise unsupported(self._card, request)
        if not self._takes_chat:
            refuse_response_format(self._card, request)
        argument = _chat_of(request) if self._takes_chat else text_of(request)
        shaper = Shaper(request.sampling, request.partial.text)
        rest = ""
        if self._streams:
            async with aclosing(self._texts(argument)) as texts:
                while shaper.finish is None:
                    text = await self._bounded(lambda: anext(texts, END), deadline)
                    if text is END:
                        break
                    if shown := shaper.feed(text):
                        yield Chunk(text=shown, n_tokens=count_pieces(shown))
        else:
            rest = shaper.feed(await self._bounded(lambda: self._whole(argument), deadline))
        rest += shaper.flush()
        usage = Usage(count_pieces(text_of(request)), shaper.completion_tokens)
        yield Chunk(text=rest, n_tokens=count_pieces(rest), finish=shaper.finish, usage=usage)

    async def _bounded(self, say: Callable[[], Awaitable[Any]], deadline: float) -> Any:
        """Return what the function says, or `END`."""
        try:
            with self._lifetime.wait(deadline):
                text = await say()
        except ModelnetError:
            raise
        except Exception as error:  # The function is the user's: whatever it raises ends here.
            raise self._failure(f"raised {type(error).__name__}: {error}") from error
        if text is not END and not isinstance(text, str):
            raise self._failure(f"answered with {type(text).__name__} where text is needed")
        return text

    async def _texts(self, argument: Any) -> AsyncGenerator[Any, None]:
        """Yield what a generator yields."""
        said = self._function(argument)
        texts = said if inspect.isasyncgen(said) else self._threads.iterate(said)
        async with aclosing(texts):
            async for text in texts:
                yield text

    async def _whole(self, argument: Any) -> Any:
        """Return what a function returns."""
        if inspect.iscoroutinefunction(self._function):
            return await self._function(argument)
        return await self._threads.run(self._function, argument)

    def _failure(self, what: str) -> EngineError:
        module = getattr(self._function, "__module__", "?")
        name = getattr(self._function, "__qualname__", self._card.name)
        return EngineError(f"The function {module}.{name} {what}; mend it or ask another model.")


def _takes_chat(function: Function) -> bool:
    """Whether the function wants the whole conversation rather than the prompt."""
    parameter = next(iter(inspect.signature(function).parameters.values()), None)
    if parameter is None:
        raise SettingsError(f"The function {function} takes no prompt; give it one parameter.")
    annotation = parameter.annotation
    return annotation is Chat or str(annotation).rpartition(".")[2] == "Chat"


def _chat_of(request: Chat | Complete) -> Chat:
    if isinstance(request, Chat):
        return request
    return Chat((Message("user", request.prompt),), request.sampling, request.partial)
