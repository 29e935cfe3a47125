"""What every back-end does alike: refuse what the card lacks, hold the deadline, end with stop."""

from collections.abc import Generator
from contextlib import contextmanager

import anyio

from modelnet.core.card import ModelCard
from modelnet.core.clock import Clock
from modelnet.core.error import DeadlineError, EngineError, UnsupportedError
from modelnet.core.request import Chat, Complete, Request, Score, Step, operation_of


def refuse_unsupported(card: ModelCard, request: Request) -> None:
    """Let a request pass that the card says the model can answer.

    Raises:
        UnsupportedError: the operation, an input or an option is not on the card.
    """
    if missing := _missing(card, request):
        raise UnsupportedError(f"The model {card.name} {missing}; ask a model that does.")


def unsupported(card: ModelCard, request: Request) -> UnsupportedError:
    """Return the error for an operation that a back-end never has, whatever its card says."""
    return UnsupportedError(
        f"The model {card.name} does not {operation_of(request)}; ask a model that does."
    )


def _missing(card: ModelCard, request: Request) -> str | None:
    operation = operation_of(request)
    if operation not in card.operations:
        return f"does not {operation}"
    match request:
        case Chat():
            return _missing_in_chat(card, request)
        case Step(prefix=Chat() as chat) | Score(prefix=Chat() as chat):
            return _missing_in_chat(card, chat) if "chat" in card.operations else "does not chat"
        case Complete() if request.sampling.top_logprobs is not None and not card.has_logprobs:
            return "does not report log-probabilities"
        case _:
            return None


def _missing_in_chat(card: ModelCard, chat: Chat) -> str | None:
    if chat.has_image and not card.has_vision:
        return "does not read images"
    if chat.has_tools and not card.has_tools:
        return "does not call tools"
    if chat.partial and not card.can_continue:
        return "does not go on with an answer begun elsewhere"
    if chat.sampling.top_logprobs is not None and not card.has_logprobs:
        return "does not report log-probabilities"
    return None


def refuse_response_format(card: ModelCard, request: Request) -> None:
    """Refuse a wanted form of answer on behalf of an engine that cannot hold itself to one.

    Raises:
        UnsupportedError: the request asks for a form other than text.
    """
    if isinstance(request, Chat) and not request.is_plain_text:
        raise UnsupportedError(
            f"The model {card.name} does not answer in a given format; leave out response_format."
        )


def refuse_continued_format(card: ModelCard, request: Request) -> None:
    """Refuse to go on with an answer in a given format: engines hold it from its first token only.

    Raises:
        UnsupportedError: the request asks for both.
    """
    if isinstance(request, Chat) and request.partial and not request.is_plain_text:
        raise UnsupportedError(
            f"The model {card.name} does not go on with an answer in a given format; begin it anew."
        )


class Lifetime:
    """The time between a model's start and its stop; every wait of its answers lies within it."""

    def __init__(self, name: str, clock: Clock) -> None:
        self._name = name
        self._clock = clock
        self._waits: set[anyio.CancelScope] = set()
        self._has_begun = False

    def begin(self) -> None:
        """Let answers begin."""
        self._has_begun = True

    def end(self) -> None:
        """Let no answer begin, and end those under way."""
        self._has_begun = False
        for scope in self._waits:
            scope.cancel()

    def check(self) -> None:
        """Raise unless the model is running.

        Raises:
            EngineError: it is not started, or already stopped.
        """
        if not self._has_begun:
            raise EngineError(f"The model {self._name} is not running; start it first.")

    @contextmanager
    def wait(self, deadline: float) -> Generator[None, None, None]:
        """Bound the waits of a block. Never `yield` inside it: scopes must nest within a task.

        Raises:
            DeadlineError: the deadline (Unix seconds) passed before the block ended.
            EngineError: the model was stopped first.
        """
        self.check()
        left_s = deadline - self._clock()
        if left_s <= 0:
            raise deadline_passed(self._name)
        with anyio.move_on_after(left_s) as scope:
            self._waits.add(scope)
            try:
                yield
            finally:
                self._waits.discard(scope)
        if scope.cancelled_caught:
            self.check()
            raise deadline_passed(self._name)


def deadline_passed(name: str) -> DeadlineError:
    """Return the error of an answer that took too long."""
    return DeadlineError(f"The deadline passed before {name} had answered; allow more time.")
