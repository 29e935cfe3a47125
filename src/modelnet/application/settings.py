"""Settings of a node: defaults, then `modelnet.toml`, then `MODELNET_*`, then flags."""

import os
import socket
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from modelnet.core.error import InvalidRequestError, SettingsError, StorageError
from modelnet.core.wish import NO_WISH, Wish

DEFAULT_PORT = 11711
"""Where the OpenAI-compatible URL is found unless another port is asked for."""

NETWORK_NAME_PATTERN = "^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$"

_CONFIG = "MODELNET_CONFIG"
_LISTS = frozenset({"listen", "join", "models", "api_keys", "accept_models"})


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything a node can be told. Field names are the keys of `modelnet.toml`."""

    name: Annotated[str, msgspec.Meta(max_length=64, pattern="^[^@,]*$")] = msgspec.field(
        default_factory=lambda: socket.gethostname()[:64]
    )
    """What people call this node; the host's name where empty."""
    network: Annotated[str, msgspec.Meta(pattern=NETWORK_NAME_PATTERN)] = "public"
    """Only nodes of the same network see each other."""
    invitation: str = ""
    """The pre-shared invitation of a closed network; empty for an open one."""
    listen: tuple[str, ...] = ()
    """Endpoints for other nodes; `tcp/127.0.0.1:0` where empty."""
    join: tuple[str, ...] = ()
    """Endpoints of nodes to join through."""
    gateway: bool = False
    """Relay for nodes that cannot reach each other."""
    client: bool = False
    """Reach the network only through the gateways in `join`: for nodes behind NAT."""
    multicast: bool = True
    """Find nodes on the local network by multicast."""
    host: str = "127.0.0.1"
    port: Annotated[int, msgspec.Meta(ge=0, le=65535)] | None = None
    """Port of the OpenAI-compatible URL; 0 takes any free one, none takes 11711 or the next."""
    api_keys: tuple[str, ...] = ()
    """Bearer keys; needed to listen elsewhere than on loopback."""
    data_dir: Path = msgspec.field(default_factory=lambda: default_data_dir(os.environ))
    models: tuple[str, ...] = ()
    """Models to serve, as `--model` names them: `zoo:calc`, `gguf:PATH`, `ollama:llama3.2`."""
    exams: bool = True
    """Measure the models of newcomers."""
    run_tests: bool = False
    """Run the unit tests that askers give against answers that are code, in a sandbox."""
    keep_outcomes: bool = True
    """Keep what was learnt from answers in the data directory; else it goes with the process."""
    keep_embeddings: bool = False
    """Keep with it where the questions lie, so that a new start knows which models are good near
    them; these numbers tell much of a question, and whoever has a key may export them."""
    wish: Wish = NO_WISH
    """Limits and weights for whoever asks this node and says nothing of them."""
    cache: Literal["off", "exact", "near"] = "off"
    """Tell an earlier answer again to the same request, or also to a question near by."""
    cache_s: Annotated[float, msgspec.Meta(gt=0)] = 3600.0
    """Seconds for which an answer is told again."""
    cache_wrong: Annotated[float, msgspec.Meta(gt=0, lt=1)] = 0.01
    """The share of answers to questions near by that may be wrong."""
    prefetch: bool = False
    """Ask beforehand what is likely to be asked next, of idle models that cost nothing."""
    accept_models: tuple[str, ...] = ()
    """Ids of the nodes that may deploy models to this one."""
    take_over: bool = False
    """Serve wanted models whose last node has left, and keep copies of those that could be next."""
    copies_gb: Annotated[float, msgspec.Meta(ge=0)] = 20.0
    """Gigabytes (10^9 bytes) of the disk that copies of models may take."""

    def __post_init__(self) -> None:
        """Refuse what contradicts itself."""
        if self.gateway and self.client:
            raise SettingsError("A node is a --gateway or a --client, not both: leave one out.")
        if self.prefetch and self.cache == "off":
            raise SettingsError(
                "--prefetch keeps answers in the cache: add --cache exact, or leave it out."
            )
        if self.client and not self.join:
            raise SettingsError(
                "A --client reaches others through a gateway: name one with --join."
            )

    def __repr__(self) -> str:
        """Leave the secrets out."""
        return f"Settings(name={self.name!r}, network={self.network!r}, models={self.models!r})"


def load_settings(
    flags: Mapping[str, Any] | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    file: Path | None = None,
) -> Settings:
    """Merge every source, the later over the earlier. Flags that are `None` or empty do not count.

    Raises:
        SettingsError: a source cannot be read, or a value makes no sense.
    """
    env = os.environ if environ is None else environ
    merged: dict[str, Any] = {
        **_from_file(file or _default_file(env), is_named=not file and bool(env.get(_CONFIG))),
        **_from_environ(env),
        **{key: value for key, value in (flags or {}).items() if value not in (None, (), [])},
    }
    merged["data_dir"] = merged.get("data_dir") or default_data_dir(env)
    merged["name"] = merged.get("name") or socket.gethostname()[:64]
    try:
        return msgspec.convert(merged, Settings, strict=False, dec_hook=_to_path)
    except (msgspec.ValidationError, InvalidRequestError) as error:
        raise SettingsError(f"A setting makes no sense: {str(error).rstrip('.')}.") from error


def default_data_dir(environ: Mapping[str, str]) -> Path:
    """Return the directory of key and state, by the XDG rules."""
    state_home = environ.get("XDG_STATE_HOME") or "~/.local/state"
    return Path(state_home).expanduser() / "modelnet"


def make_data_dir(path: Path) -> None:
    """Create the data directory, for its owner only.

    Raises:
        StorageError: it cannot be created or is not a directory.
    """
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(
            f"The data directory {path} cannot be used ({error.strerror}); choose another with "
            "--data-dir."
        ) from error


def _to_path(_kind: type, value: Any) -> Path:
    if not isinstance(value, str | Path):
        raise TypeError(f"a path is text, not {value!r}")
    return Path(value).expanduser()


def _default_file(environ: Mapping[str, str]) -> Path:
    return Path(environ.get(_CONFIG) or "modelnet.toml")


def _from_file(path: Path, *, is_named: bool) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        if is_named:
            raise SettingsError(f"There is no settings file {path}; mend its name.") from error
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"The settings file {path} cannot be read: {error}.") from error


def _from_environ(environ: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for field in msgspec.structs.fields(Settings):
        value = environ.get(f"MODELNET_{field.name.upper()}")
        if value is not None:
            parts = tuple(part.strip() for part in value.split(",") if part.strip())
            found[field.name] = parts if field.name in _LISTS else value
    if "wish" in found:
        found["wish"] = _wish_in(found["wish"])
    return found


def _wish_in(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError) as error:
        raise SettingsError(
            'MODELNET_WISH is no JSON: write it like {"max_cost_usd": 0.01}.'
        ) from error
