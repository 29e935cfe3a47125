"""Where the node to ask is: at the URL given, or the one that runs here."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from modelnet.application.presence import read_presence
from modelnet.core.error import AddressError, SettingsError


@dataclass(frozen=True, slots=True)
class NodeAddress:
    """Where a node is, and how this was known."""

    base_url: str
    """Without a path: `http://127.0.0.1:11711`."""
    api_key: str | None = None
    pid: int | None = None
    """The process that should answer there, where it left word in its data directory."""


def locate(url: str | None, data_dir: Path, environ: Mapping[str, str]) -> NodeAddress:
    """Find the node to ask: the URL given, else `MODELNET_URL`, else the node that runs here.

    Raises:
        AddressError: no node runs here, or the URL is not one.
        SettingsError: the key in `MODELNET_API_KEY` cannot be sent.
    """
    key = _checked_key(environ.get("MODELNET_API_KEY"))
    given = url or environ.get("MODELNET_URL")
    if given:
        return NodeAddress(_base_url(given), key)
    presence = read_presence(data_dir)
    if presence is None:
        raise AddressError(
            "No node runs here: start one with `modelnet up`, or name one with --url."
        )
    return NodeAddress(_base_url(presence.url), key, presence.pid)


def _base_url(url: str) -> str:
    url = url.strip()
    written = url if "://" in url else f"http://{url}"
    try:
        parts = urlsplit(written)
        is_whole = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        is_whole = False
    if not is_whole:
        raise AddressError(f"{url!r} is not a node's URL: write it like http://127.0.0.1:11711/v1.")
    return written.split("?")[0].split("#")[0].rstrip("/").removesuffix("/v1").rstrip("/")


def _checked_key(key: str | None) -> str | None:
    if key and not (key.isascii() and key.isprintable() and " " not in key):
        raise SettingsError(
            "MODELNET_API_KEY has spaces or characters beyond ASCII: set it to the key alone."
        )
    return key or None
