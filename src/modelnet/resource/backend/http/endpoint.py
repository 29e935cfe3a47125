"""Where a model server is, which of its models is meant, and where its key is kept."""

import re
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

from modelnet.core.error import SettingsError

KEY_PREFIX = "MODELNET_KEY_"
_KEY_MARK = ";key="


class Endpoint(NamedTuple):
    """One model of one server. The key itself is never part of it."""

    root: str
    """The server, like `http://127.0.0.1:8080`."""
    base: str
    """What the paths of its API are appended to, like `http://127.0.0.1:8080/v1`."""
    model: str | None = None
    """The server's only model, unless given."""
    key_variables: tuple[str, ...] = ()
    """The environment variables that may hold the key; the first that is set counts."""

    def key(self, environment: Mapping[str, str]) -> str | None:
        """Return the key for this server and no other."""
        return next((key for name in self.key_variables if (key := environment.get(name))), None)


def endpoint_from(
    text: str, *, path: str = "", own_keys: Mapping[str, str] | None = None
) -> Endpoint:
    """Read `URL`, `URL#model` or `URL#model;key=VARIABLE`.

    Without a variable the key is looked for in `MODELNET_KEY_<HOST>`, the host in capitals with `_`
    for what is no letter or digit, then in the provider's own variable.

    Args:
        text: what the user wrote.
        path: of the API at the server, where the URL has none: `/v1`.
        own_keys: for hosts that have one, the variable in which their provider's tools keep keys.

    Raises:
        SettingsError: the URL is none.
    """
    address, _, rest = text.partition("#")
    model, _, variable = rest.partition(_KEY_MARK)
    parts = urlsplit(address.strip())
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise SettingsError(f"{address!r} is not the address of a server; write http://HOST:PORT.")
    if parts.username or parts.password:
        raise SettingsError("A key does not belong in an address; put it in a variable.")
    root = f"{parts.scheme}://{parts.netloc}"
    return Endpoint(
        root,
        root + (parts.path.rstrip("/") or path),
        model or None,
        (variable,) if variable else _usual_variables(parts.hostname, own_keys or {}),
    )


def _usual_variables(host: str, own_keys: Mapping[str, str]) -> tuple[str, ...]:
    ours = KEY_PREFIX + re.sub(r"[^A-Z0-9]", "_", host.upper())
    return (ours, own_keys[host]) if host in own_keys else (ours,)
