"""Finding out what a model of an Open Inference Protocol server takes, gives and has room for."""

from typing import Any, NamedTuple, TypeVar
from urllib.parse import quote

import msgspec

from modelnet.core.card import ModelCard
from modelnet.core.error import EngineError, ModelnetError, SettingsError
from modelnet.core.tensor import TensorSpec
from modelnet.resource.backend.http import Client, Endpoint
from modelnet.resource.oip.body import BINARY

_CONFIGURATION = "model_configuration"
_REPOSITORY = "model_repository"
_READY = "READY"
_VERSIONS = "/versions/"
_LISTED_NAMES = 12
_MAX_PARALLEL = 256


class Findings(NamedTuple):
    """A model as its server described it."""

    card: ModelCard
    url: str
    """Where the paths of the model begin."""
    is_binary: bool
    """Whether the server takes binary tensors."""


class _Server(msgspec.Struct):
    name: str = ""
    version: str = ""
    extensions: tuple[str, ...] | None = None


class _Metadata(msgspec.Struct):
    versions: tuple[str, ...] | None = None
    platform: str | None = None
    inputs: tuple[TensorSpec, ...] | None = None
    outputs: tuple[TensorSpec, ...] | None = None


class _Group(msgspec.Struct):
    count: int = 1


class _Configuration(msgspec.Struct):
    max_batch_size: int = 0
    instance_group: tuple[_Group, ...] | None = None
    dynamic_batching: dict[str, Any] | None = None


class _Entry(msgspec.Struct):
    name: str
    state: str = _READY


T = TypeVar("T")


class Probe:
    """Asks one server about one of its models."""

    def __init__(self, client: Client, endpoint: Endpoint, deadline: float) -> None:
        self._client = client
        self._endpoint = endpoint
        self._deadline = deadline

    async def find(self, name: str | None) -> Findings:
        """Return what the server says; `name` is what the model is called here.

        Raises:
            SettingsError: the server has no such model, or several and none was named.
            EngineError: it cannot be reached, or the model is not ready.
        """
        server = await self._get("", _Server)
        extensions = frozenset(server.extensions or ())
        model, version = await self._model()
        url = self._url(f"/models/{quote(model, safe='')}")
        if version is not None:
            url += _VERSIONS + quote(version, safe="")
        await self._check_ready(model, url)
        metadata = await self._read(url, _Metadata)
        parallel = await self._parallel(url) if _CONFIGURATION in extensions else 1
        card = _card(name or model, version, server, metadata, parallel)
        return Findings(card, url, BINARY in extensions)

    async def _model(self) -> tuple[str, str | None]:
        """Return the model and the version that are meant; the only model, where none is named."""
        if self._endpoint.model is not None:
            name, _, version = self._endpoint.model.partition(_VERSIONS)
            return name, version or None
        names = await self._names()
        if len(names) == 1:
            return names[0], None
        raise SettingsError(
            f"{self._endpoint.root} {_told(names)}; name one: oip:{self._endpoint.root}#MODEL."
        )

    async def _names(self) -> list[str]:
        """Return the models that are ready, if the server can list them."""
        try:
            told = await self._client.post_json(
                self._url("/repository/index"), {"ready": True}, self._deadline
            )
        except ModelnetError:
            return []
        entries = self._converted(told, tuple[_Entry, ...])
        return list(dict.fromkeys(entry.name for entry in entries if entry.state == _READY))

    async def _check_ready(self, model: str, url: str) -> None:
        answer = await self._client.exchange("GET", f"{url}/ready", self._deadline, headers={})
        if answer.status == 200 and not _denies(answer.body):
            return
        names = await self._names()
        if names and model not in names:
            raise SettingsError(f"{self._endpoint.root} has no {model!r} ready, it {_told(names)}.")
        raise EngineError(
            f"The model {model} at {self._endpoint.root} is not ready (status {answer.status}); "
            "load it there first."
        )

    async def _parallel(self, url: str) -> int:
        """Return how many requests the server takes into its engines at once."""
        found = await self._read(f"{url}/config", _Configuration)
        instances = sum(max(1, group.count) for group in found.instance_group or (_Group(),))
        # It fills a batch with requests that wait: fewer than fit leave it half empty.
        is_batching = found.dynamic_batching is not None and found.max_batch_size > 1
        places = instances * found.max_batch_size if is_batching else instances
        return min(places, _MAX_PARALLEL)

    async def _get(self, path: str, kind: type[T]) -> T:
        return await self._read(self._url(path), kind)

    async def _read(self, url: str, kind: type[T]) -> T:
        return self._converted(await self._client.get(url, self._deadline), kind)

    def _converted(self, told: Any, kind: type[T]) -> T:
        try:
            return msgspec.convert(told, kind)
        except msgspec.ValidationError as error:
            raise EngineError(
                f"What answers at {self._endpoint.root} does not speak the Open Inference "
                f"Protocol ({error}); check the address."
            ) from error

    def _url(self, path: str) -> str:
        return f"{self._endpoint.base}{path}"


def _card(
    name: str, version: str | None, server: _Server, metadata: _Metadata, parallel: int
) -> ModelCard:
    if not metadata.inputs or not metadata.outputs:
        raise EngineError(
            f"The server does not say which tensors {name} takes and gives; describe them in the "
            "model's settings there."
        )
    versions = metadata.versions or ()
    return ModelCard(
        name=name,
        description=" ".join(part for part in (metadata.platform, "on", server.name) if part),
        version=version or (max(versions, key=_age) if versions else "1"),
        operations=("infer",),
        engine="oip",
        parallel=parallel,
        inputs=metadata.inputs,
        outputs=metadata.outputs,
    )


def _age(version: str) -> tuple[int, str]:
    """Order versions by their number, where they are one: servers answer with the highest."""
    return (int(version) if version.isascii() and version.isdigit() else -1, version)


def _denies(body: bytes) -> bool:
    """Whether the answer says in so many words that the model is not ready, whatever its status."""
    try:
        return msgspec.json.decode(body, type=dict[str, Any]).get("ready") is False
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False


def _told(names: list[str]) -> str:
    if not names:
        return "does not list its models"
    more = f" and {len(names) - _LISTED_NAMES} more" if len(names) > _LISTED_NAMES else ""
    return f"has {', '.join(names[:_LISTED_NAMES])}{more}"
