"""Who may ask: bearer keys, or else only programs of this machine and no web page."""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

from modelnet.application.gateway.failure import HttpError
from modelnet.core.error import AuthenticationError, SettingsError

_LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
_OPEN_PATHS = frozenset({"/healthz"})
_OWNER_CHARACTERS = 16


class Access:
    """Lets a request in or refuses it.

    With keys, a request carries one of them. Without, the gateway listens on loopback only, and
    what arrives must have been sent there on purpose: a `Host` or `Origin` that is not a name of
    this machine is a web page that a browser was tricked to connect from (DNS rebinding, forged
    cross-site requests).
    """

    def __init__(self, keys: Sequence[str] = (), *, hosts: Sequence[str] = ()) -> None:
        if not all(
            key.isascii() and key.isprintable() and key.strip() == key != "" for key in keys
        ):
            raise SettingsError(
                "A bearer key is empty or has spaces or characters beyond ASCII; choose another."
            )
        self._keys = [key.encode() for key in keys]
        self._hosts = _LOOPBACK_NAMES | frozenset(hosts)

    def check(self, path: str, headers: Mapping[bytes, bytes]) -> None:
        """Return if the request may pass.

        Raises:
            AuthenticationError: the key is missing or wrong.
            HttpError: the request was sent to another name, or by a web page.
        """
        if self._keys:
            if path not in _OPEN_PATHS:
                self._check_key(headers.get(b"authorization", b""))
            return
        self._check_host(headers.get(b"host"))
        self._check_origin(headers.get(b"origin"))

    def owner(self, headers: Mapping[bytes, bytes]) -> str:
        """Return what tells the owners of keys apart, without giving a key away.

        Without keys everybody is the same: whatever a client sends as a key means nothing.
        """
        if not self._keys:
            return ""
        given = headers.get(b"authorization", b"").partition(b" ")[2].strip()
        return hashlib.sha256(given).hexdigest()[:_OWNER_CHARACTERS]

    def _check_key(self, authorization: bytes) -> None:
        scheme, _, given = authorization.partition(b" ")
        if scheme.lower() != b"bearer" or not given:
            raise AuthenticationError(
                "This gateway needs a key; send it as `Authorization: Bearer KEY`."
            )
        given = given.strip()
        # Summed: every key is compared, however early one matches.
        if not sum(hmac.compare_digest(given, key) for key in self._keys):
            raise AuthenticationError(
                "The bearer key is not one of this gateway's; check the client's API key."
            )

    def _check_host(self, host: bytes | None) -> None:
        if host is not None and _host_name(b"//" + host) not in self._hosts:
            raise HttpError(
                403,
                "Without a bearer key this gateway answers only to localhost, 127.0.0.1 and "
                "[::1]; use one of these, or set a key.",
                code="host_not_allowed",
            )

    def _check_origin(self, origin: bytes | None) -> None:
        if origin is not None and _host_name(origin) not in self._hosts:
            raise HttpError(
                403,
                "Without a bearer key this gateway does not answer web pages of other sites; set "
                "a key.",
                code="origin_not_allowed",
            )


def _host_name(address: bytes) -> str | None:
    try:
        return urlsplit(address.decode("ascii")).hostname
    except ValueError:
        return None
