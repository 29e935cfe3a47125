"""Model cards as A2A v1 agent cards: what a node says of a model, in JSON that others can read.

What A2A has a word for stands where A2A expects it; the rest stands in the parameters of one
declared extension. A card holds no empty value, since A2A leaves those out before signing.
"""

from typing import Annotated, Any, Final, TypeAlias, cast, get_args

import msgspec

from modelnet.core.card import Artifact, ModelCard, Price, Skill
from modelnet.core.error import MalformedError
from modelnet.core.identity import NodeId
from modelnet.core.request import Operation
from modelnet.core.tensor import TensorSpec

EXTENSION: Final = "https://modelnet.dev/a2a/extension/model/v1"
"""Names our extension. An identifier and no more: it is never fetched."""

BINDING: Final = "https://modelnet.dev/a2a/binding/v1"
"""Names the protocol between nodes as an A2A binding. Never fetched either."""

_A2A_VERSION: Final = "1.0"
_OPERATION_TAG: Final = "operation"
_SKILL_TAG: Final = "skill"
_UNDESCRIBED_TAG: Final = "undescribed"
_TEXT: Final = "text/plain"
_BINARY: Final = "application/octet-stream"

Json: TypeAlias = dict[str, Any]
"""A JSON object."""

_Count: TypeAlias = Annotated[int, msgspec.Meta(ge=1)]


class AgentCard(msgspec.Struct, frozen=True, kw_only=True):
    """A model as a node describes it."""

    node: NodeId
    node_name: str
    model: ModelCard


class _Params(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The parameters of the extension: everything A2A has no word for."""

    node: NodeId
    engine: str
    operations: tuple[str, ...] = ()
    undescribed: bool = False
    parameters: _Count | None = None
    context_length: _Count | None = None
    parallel: _Count = 1
    has_logprobs: bool = False
    has_vision: bool = False
    has_tools: bool = False
    has_schema: bool = False
    can_continue: bool = True
    price: Price = Price()
    is_metered: bool = False
    licence: str | None = None
    embedding_size: _Count | None = None
    hidden_size: _Count | None = None
    layers: _Count | None = None
    inputs: tuple[TensorSpec, ...] = ()
    outputs: tuple[TensorSpec, ...] = ()
    artifact: Artifact | None = None

    def __post_init__(self) -> None:
        if min(self.price.input_per_mtok, self.price.output_per_mtok) < 0:
            raise ValueError("a price below zero")


class _Extension(msgspec.Struct, frozen=True, kw_only=True):
    uri: str
    description: str = ""
    params: Json = {}


class _Capabilities(msgspec.Struct, frozen=True, kw_only=True):
    streaming: bool = False
    extensions: tuple[_Extension, ...] = ()


class _Interface(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    url: str
    protocol_binding: str
    protocol_version: str


class _Provider(msgspec.Struct, frozen=True, kw_only=True):
    organization: str
    url: str


class _Skill(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    name: str
    description: str
    tags: tuple[str, ...]
    examples: tuple[str, ...] = ()


class _Card(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The fields of an A2A v1 agent card that this package writes and reads."""

    name: str
    description: str
    version: str
    capabilities: _Capabilities
    provider: _Provider
    supported_interfaces: tuple[_Interface, ...] = ()
    default_input_modes: tuple[str, ...] = ()
    default_output_modes: tuple[str, ...] = ()
    skills: tuple[_Skill, ...] = ()


def content(model: ModelCard, *, node_name: str, node: NodeId) -> Json:
    """Return the agent card of a model, unsigned."""
    name = model.name
    card = _Card(
        name=name,
        description=model.description or f"The model {name}.",
        version=model.version,
        capabilities=_Capabilities(
            streaming=True,
            extensions=(
                _Extension(
                    uri=EXTENSION,
                    description="A model of a modelnet node.",
                    params=msgspec.to_builtins(_params(model, node)),
                ),
            ),
        ),
        provider=_Provider(organization=node_name, url=f"modelnet:{node}"),
        supported_interfaces=(
            _Interface(
                url=f"modelnet:{node}", protocol_binding=BINDING, protocol_version=_A2A_VERSION
            ),
        ),
        default_input_modes=_input_modes(model),
        default_output_modes=_output_modes(model),
        skills=(*map(_operation_skill, model.operations), *map(_claimed_skill, model.skills)),
    )
    return without_empty(msgspec.to_builtins(card))


def _params(model: ModelCard, node: NodeId) -> _Params:
    return _Params(
        node=node,
        engine=model.engine,
        operations=model.operations,
        undescribed=not model.description,
        parameters=model.parameters,
        context_length=model.context_length,
        parallel=model.parallel,
        has_logprobs=model.has_logprobs,
        has_vision=model.has_vision,
        has_tools=model.has_tools,
        has_schema=model.has_schema,
        can_continue=model.can_continue,
        price=model.price,
        is_metered=model.is_metered,
        licence=model.licence,
        embedding_size=model.embedding_size,
        hidden_size=model.hidden_size,
        layers=model.layers,
        inputs=model.inputs,
        outputs=model.outputs,
        artifact=model.artifact,
    )


def _output_modes(model: ModelCard) -> tuple[str, ...]:
    binary = {"embed", "encode", "infer"}.intersection(model.operations)
    modes = {_BINARY} if binary else set[str]()
    return tuple(sorted(modes | ({_TEXT} if set(model.operations) - binary else set())))


def _input_modes(model: ModelCard) -> tuple[str, ...]:
    modes = [_TEXT] if set(model.operations) != {"infer"} else []
    modes += ["image/*"] if model.has_vision else []
    modes += [_BINARY] if "infer" in model.operations else []
    return tuple(modes)


_OPERATIONS: Final[dict[Operation, str]] = {
    "chat": "Answers the last message of a conversation.",
    "complete": "Continues a text.",
    "step": "Tells which tokens may come next.",
    "score": "Tells how likely a given continuation is.",
    "embed": "Turns texts into vectors.",
    "encode": "Turns texts into hidden states, one a token.",
    "infer": "Turns named tensors into named tensors.",
}


def _operation_skill(operation: Operation) -> _Skill:
    # A2A wants at least one skill of every agent, and many models claim none.
    return _Skill(
        id=operation, name=operation, description=_OPERATIONS[operation], tags=(_OPERATION_TAG,)
    )


def _claimed_skill(skill: Skill) -> _Skill:
    return _Skill(
        id=skill.id,
        name=skill.name,
        description=skill.description or skill.name,
        tags=(_SKILL_TAG,) if skill.description else (_SKILL_TAG, _UNDESCRIBED_TAG),
        examples=skill.examples,
    )


def without_empty(value: Json) -> Json:
    """Leave out nulls and empty texts, lists and objects, as A2A does before signing."""
    return cast("Json", _present(value) or {})


def _present(value: Any) -> Any:
    if isinstance(value, dict):
        items = ((name, _present(item)) for name, item in cast("Json", value).items())
        return {name: item for name, item in items if item is not None} or None
    if isinstance(value, list | tuple):
        items = map(_present, cast("tuple[Any, ...]", value))
        return [item for item in items if item is not None] or None
    return None if value == "" else value


def parse(payload: bytes) -> AgentCard:
    """Read an agent card from its JSON without signatures and empty values.

    Raises:
        MalformedError: it is not an agent card with our extension.
    """
    try:
        card = msgspec.json.decode(payload, type=_Card)
        params = msgspec.convert(_our_params(card), _Params)
    except ValueError as error:
        raise MalformedError(f"These bytes are not an agent card: {error}.") from error
    return AgentCard(
        node=params.node, node_name=card.provider.organization, model=_model_card(card, params)
    )


def _our_params(card: _Card) -> Json:
    for extension in card.capabilities.extensions:
        if extension.uri == EXTENSION:
            return extension.params
    raise MalformedError(f"The agent card does not declare the extension {EXTENSION}.")


def _model_card(card: _Card, params: _Params) -> ModelCard:
    known: tuple[Operation, ...] = get_args(Operation)
    return ModelCard(
        name=card.name,
        description="" if params.undescribed else card.description,
        version=card.version,
        # A newer node may have operations that this one has never heard of.
        operations=tuple(operation for operation in params.operations if operation in known),
        skills=tuple(_skill(skill) for skill in card.skills if _SKILL_TAG in skill.tags),
        engine=params.engine,
        parameters=params.parameters,
        context_length=params.context_length,
        parallel=params.parallel,
        has_logprobs=params.has_logprobs,
        has_vision=params.has_vision,
        has_tools=params.has_tools,
        has_schema=params.has_schema,
        can_continue=params.can_continue,
        price=params.price,
        is_metered=params.is_metered,
        licence=params.licence,
        embedding_size=params.embedding_size,
        hidden_size=params.hidden_size,
        layers=params.layers,
        inputs=params.inputs,
        outputs=params.outputs,
        artifact=params.artifact,
    )


def _skill(skill: _Skill) -> Skill:
    return Skill(
        id=skill.id,
        name=skill.name,
        description="" if _UNDESCRIBED_TAG in skill.tags else skill.description,
        examples=skill.examples,
    )
