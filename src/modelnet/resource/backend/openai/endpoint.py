"""Where an OpenAI-compatible server is, which of its models is meant, and where its key is kept."""

import re
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

from modelnet.core.error import SettingsError

_KEY_PREFIX = "MODELNET_OPENAI_KEY_"
_KEY_MARK = ";key="


class Endpoint(NamedTuple):
    """One model of one server. The key itself is never part of it."""

    root: str
    """The server, like `http://127.0.0.1:8080`."""
    base: str
    """What `/chat/completions` is appended to, like `http://127.0.0.1:8080/v1`."""
    model: str | None = None
    """The server's only model, unless given."""
    key_variable: str = ""
    """The environment variable that holds the key, if there is one."""

    def key(self, environment: Mapping[str, str]) -> str | None:
        """Return the key for this server and no other."""
        return environment.get(self.key_variable) or None


def endpoint_from(text: str) -> Endpoint:
    """Read `URL`, `URL#model` or `URL#model;key=VARIABLE`.

    Without a variable the key is looked for in `MODELNET_OPENAI_KEY_<HOST>`, the host in capitals
    with `_` for what is no letter or digit.

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
    path = parts.path.rstrip("/") or "/v1"
    host = re.sub(r"[^A-Z0-9]", "_", parts.hostname.upper())
    return Endpoint(root, root + path, model or None, variable or _KEY_PREFIX + host)
