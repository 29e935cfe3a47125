"""Any Python callable as a typed model: arrays or plain values in, arrays or plain values out."""

import inspect
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from typing import Any, cast

import msgspec

from modelnet.core.card import ModelCard, Price, Skill
from modelnet.core.chunk import Chunk, Usage
from modelnet.core.clock import Clock, system_clock
from modelnet.core.error import EngineError, ModelnetError, SettingsError
from modelnet.core.request import Infer, Request
from modelnet.core.tensor import Tensor, TensorSpec
from modelnet.resource.backend.guard import Lifetime, refuse_unsupported, unsupported
from modelnet.resource.backend.thread import Threads
from modelnet.resource.backend.typed.array import array_of, tensor_of
from modelnet.resource.backend.typed.refusal import refuse_tensors, wanted_outputs
from modelnet.resource.backend.typed.signature import Signature, signature_of

DEFAULT_PARALLEL = 8

Function = Callable[..., Any]


def typed_model(
    *,
    inputs: Sequence[TensorSpec] | None = None,
    outputs: Sequence[TensorSpec] | None = None,
    skills: Sequence[str | Skill] = (),
    name: str | None = None,
    description: str | None = None,
    parallel: int = DEFAULT_PARALLEL,
    price: Price | None = None,
    licence: str | None = None,
) -> Callable[[Function], "TypedModel"]:
    """Return a decorator that makes a function a model of named tensors, asked with `Infer`.

    Tensors not given are read from the annotations: `float`, `str`, `bytes` and others, lists of
    them, `Annotated[NDArray[np.float32], (-1, 4)]`. A function of given inputs is handed arrays, by
    name where its parameters are called so, else in their order. It returns its only output, or a
    dict of them by name. What it raises becomes an `EngineError`, unless it is an error of ours.
    """

    def decorate(function: Function) -> TypedModel:
        signature = signature_of(function, inputs, outputs)
        card = ModelCard(
            name=name or getattr(function, "__name__", "function"),
            description=description or (inspect.getdoc(function) or "").partition("\n")[0],
            operations=("infer",),
            skills=tuple(s if isinstance(s, Skill) else Skill(s, s) for s in skills),
            engine="python",
            parallel=parallel,
            price=price or Price(),
            licence=licence,
            inputs=signature.inputs,
            outputs=signature.outputs,
        )
        return TypedModel(function, signature, card)

    return decorate


class TypedModel:
    """A Model whose tensors a Python function makes. Calling it calls the function.

    Sync functions run in worker threads, at most `parallel` at once.
    """

    def __init__(
        self,
        function: Function,
        signature: Signature,
        card: ModelCard,
        clock: Clock = system_clock,
    ) -> None:
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            raise SettingsError(f"{card.name} yields its answer; a typed model returns it.")
        self._function = function
        self._signature = signature
        self._card = card
        self._has_names = _has_names(function, signature)
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

    def renamed(self, name: str) -> "TypedModel":
        """Return a model of the same function under another name."""
        card = msgspec.structs.replace(self._card, name=name)
        return TypedModel(self._function, self._signature, card, self._clock)

    async def start(self) -> None:
        """Begin to answer."""
        self._lifetime.begin()

    async def stop(self) -> None:
        """End the answers under way; a thread that does not return is left behind."""
        self._lifetime.end()
        self._threads.close()

    async def run(self, request: Request, *, deadline: float) -> AsyncGenerator[Chunk, None]:
        """Answer with what the function returns, as `Model.run` has it."""
        self._lifetime.check()
        refuse_unsupported(self._card, request)
        if not isinstance(request, Infer):
            raise unsupported(self._card, request)
        refuse_tensors(self._card, request)
        handed = self._handed(request)
        with self._lifetime.wait(deadline):
            answer = await self._call(handed)
        yield Chunk(tensors=self._tensors(request, answer), finish="stop", usage=Usage())

    def _handed(self, request: Infer) -> dict[str, Any]:
        arrays = {tensor.name: array_of(tensor) for tensor in request.inputs}
        specs_and_hands = zip(self._signature.inputs, self._signature.hands, strict=True)
        return {spec.name: hand(arrays[spec.name]) for spec, hand in specs_and_hands}

    async def _call(self, handed: Mapping[str, Any]) -> Any:
        arguments = () if self._has_names else tuple(handed.values())
        named = handed if self._has_names else dict[str, Any]()
        try:
            if inspect.iscoroutinefunction(self._function):
                return await self._function(*arguments, **named)
            answer = await self._threads.run(lambda: self._function(*arguments, **named))
            return await answer if inspect.isawaitable(answer) else answer
        except ModelnetError:
            raise
        except Exception as error:  # The function is the user's: whatever it raises ends here.
            raise self._failure(f"raised {type(error).__name__}: {error}") from error

    def _tensors(self, request: Infer, answer: Any) -> tuple[Tensor, ...]:
        outputs = self._card.outputs
        if isinstance(answer, Mapping):
            named = cast("Mapping[str, Any]", answer)
        elif len(outputs) == 1:
            named = {outputs[0].name: answer}
        else:
            raise self._failure("returned no dict, though it has several outputs")
        wanted = wanted_outputs(self._card, request)
        if missing := [spec.name for spec in wanted if spec.name not in named]:
            raise self._failure(f"returned no {missing[0]!r}")
        return tuple(self._tensor(spec, named[spec.name]) for spec in wanted)

    def _tensor(self, spec: TensorSpec, value: Any) -> Tensor:
        try:
            return tensor_of(spec, value)
        except (TypeError, ValueError, OverflowError) as error:
            raise self._failure(f"returned a {spec.name!r} that is no array ({error})") from error

    def _failure(self, what: str) -> EngineError:
        name = getattr(self._function, "__qualname__", self._card.name)
        return EngineError(f"The function {name} {what}; mend it or ask another model.")


def _has_names(function: Function, signature: Signature) -> bool:
    """Whether the parameters are called as the tensors are."""
    try:
        parameters = inspect.signature(function).parameters
    except (ValueError, TypeError):
        return False
    positional_only = inspect.Parameter.POSITIONAL_ONLY
    named = {name for name, one in parameters.items() if one.kind is not positional_only}
    return all(spec.name in named for spec in signature.inputs)
