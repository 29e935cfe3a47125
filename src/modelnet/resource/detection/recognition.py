"""Telling engines apart by what they answer at addresses of their own. Pure.

Most speak OpenAI's API and several imitate others, so the first mark that fits names the engine.
Nothing here is believed of what a model can do: that is probed when it is started.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import msgspec

OTHER = "OpenAI-compatible"

OPENAI_LIST = "/v1/models"
OLLAMA_LIST = "/api/tags"
OIP_NAME = "/v2"
OIP_INDEX = "/v2/repository/index"
"""Of Triton and MLServer; asked by POST, and only where the protocol is spoken."""
OIP_LISTS = (OIP_INDEX, "/v2/models", "/v1/config")
"""Of Triton and MLServer, of KServe, of OpenVINO's server."""

NEEDS_KEY = b"\0key"
"""Stands for what is shown only to who has a key."""

_OURS = "modelnet"

Pages = Mapping[str, bytes]
"""What was answered at each address; `NEEDS_KEY` to who has none, empty at any other error."""


class DetectedEngine(msgspec.Struct, frozen=True):
    """A server on this machine, and the models it offers."""

    engine: str
    url: str
    models: tuple[str, ...]
    scheme: str = "openai"
    """What its models' specifications begin with."""
    needs_key: bool = False
    """Whether it tells its models only to who has a key."""

    @property
    def specifications(self) -> tuple[str, ...]:
        """What to give `--model` for each of its models."""
        if self.scheme == "llama" and len(self.models) == 1:
            return (f"llama:{self.url}",)
        return tuple(f"{self.scheme}:{self.url}#{model}" for model in self.models)

    @property
    def specification_with_key(self) -> str:
        """What to give `--model` for a model that it does not tell of, with MY_KEY a variable."""
        return f"{self.scheme}:{self.url}#MODEL;key=MY_KEY"

    @property
    def lists(self) -> tuple[str, ...]:
        """Where it tells which models it has."""
        return {"ollama": (OLLAMA_LIST,), "oip": OIP_LISTS}.get(self.scheme, (OPENAI_LIST,))


class _Mark(NamedTuple):
    """An address that only one engine answers, and a word in its answer."""

    engine: str
    path: str
    word: bytes
    scheme: str = "openai"


# Some answer 200 at addresses they do not know: hence the words. llama.cpp, LocalAI and SGLang
# answer at addresses of Ollama's as well, so they come before it.
_MARKS = (
    _Mark("llama.cpp", "/props", b'"default_generation_settings"', "llama"),
    _Mark("LocalAI", "/readyz", b"OK"),
    _Mark("LM Studio", "/api/v0/models", b'"data"'),
    _Mark("SGLang", "/get_model_info", b'"is_generation"'),
    _Mark("SGLang", "/model_info", b'"is_generation"'),
    _Mark("Ollama", OLLAMA_LIST, b'"models"', "ollama"),
    _Mark("TGI", "/info", b'"max_concurrent_requests"'),
    _Mark("vLLM", "/version", b'"version"'),
)

PATHS = tuple(dict.fromkeys((OPENAI_LIST, *(mark.path for mark in _MARKS), OIP_NAME)))
"""What is asked of a server nobody knows yet."""


class _Listed(msgspec.Struct):
    id: str
    owned_by: Any = ""


class _Listing(msgspec.Struct):
    data: list[_Listed] | None = None


class _Tag(msgspec.Struct):
    name: str


class _Tags(msgspec.Struct):
    models: list[_Tag] | None = None


class _Spoken(msgspec.Struct):
    name: str
    version: str


class _Indexed(msgspec.Struct):
    name: str
    state: str = "READY"


class _Names(msgspec.Struct):
    models: list[str]


class _Version(msgspec.Struct):
    state: str


class _Versions(msgspec.Struct):
    model_version_status: list[_Version]


_OIP_NAMES = {"triton": "Triton", "mlserver": "MLServer", "kserve": "KServe"}


def recognise(url: str, pages: Pages) -> DetectedEngine | None:
    """Return the engine that answered so, or nothing where it is none, or a node like this one."""
    listing = _read(pages.get(OPENAI_LIST), _Listing)
    if pages.get(OPENAI_LIST) == NEEDS_KEY:
        return _locked(url, pages)
    if listing is not None and any(one.owned_by == _OURS for one in listing.data or ()):
        return None
    for mark in _MARKS:
        if mark.word in pages.get(mark.path, b"") and (listing or mark.scheme == "ollama"):
            return _with_models(DetectedEngine(mark.engine, url, (), mark.scheme), pages)
    if listing is not None:
        return _with_models(DetectedEngine(OTHER, url, ()), pages)
    if (name := oip_server(pages)) is not None:
        return _with_models(DetectedEngine(name, url, (), "oip"), pages)
    return None


def _locked(url: str, pages: Pages) -> DetectedEngine | None:
    """Return the engine that wants a key, if it shows who it is: any web page may want one."""
    shown = (mark for mark in _MARKS if mark.word in pages.get(mark.path, b""))
    mark = next(shown, None)
    return None if mark is None else DetectedEngine(mark.engine, url, (), needs_key=True)


def oip_server(pages: Pages) -> str | None:
    """Return the name of a server of the Open Inference Protocol, ours left out."""
    spoken = _read(pages.get(OIP_NAME), _Spoken)
    if spoken is None or spoken.name.startswith(_OURS):
        return None
    return _OIP_NAMES.get(spoken.name.lower(), spoken.name[:40])


def models_in(engine: DetectedEngine, pages: Pages) -> tuple[str, ...] | None:
    """Return the models an engine lists, or `None` where it lists no more as it used to."""
    match engine.scheme:
        case "ollama":
            tags = _read(pages.get(OLLAMA_LIST), _Tags)
            return None if tags is None else _once(tag.name for tag in tags.models or ())
        case "oip":
            return _oip_models(pages)
        case _:
            listing = _read(pages.get(OPENAI_LIST), _Listing)
            return None if listing is None else _once(one.id for one in listing.data or ())


def _with_models(engine: DetectedEngine, pages: Pages) -> DetectedEngine:
    return msgspec.structs.replace(engine, models=models_in(engine, pages) or ())


def _oip_models(pages: Pages) -> tuple[str, ...] | None:
    index = _read(pages.get(OIP_INDEX), list[_Indexed])
    if index is not None:
        return _once(one.name for one in index if one.state == "READY")
    names = _read(pages.get("/v2/models"), _Names)
    if names is not None:
        return _once(names.models)
    versions = _read(pages.get("/v1/config"), dict[str, _Versions])
    if versions is None:
        return None
    return _once(
        name
        for name, told in versions.items()
        if any(version.state == "AVAILABLE" for version in told.model_version_status)
    )


def _once(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))


def _read(page: bytes | None, kind: Any) -> Any:
    try:
        return msgspec.json.decode(page or b"", type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
