"""The head of a request to a server, as bytes. Pure."""

from collections.abc import Mapping
from functools import lru_cache
from urllib.parse import quote

from modelnet.core.error import SettingsError

_RESERVED = "!#$%&'()*+,/:;=?@[]~"
"""What may stand in the target of a request besides letters and digits."""

_KEY_FIELDS = ("authorization", "x-api-key", "api-key", "x-goog-api-key")

# Compressed answers would cost more time between two machines of one room than they save.
_OURS = {"User-Agent": "modelnet", "Accept": "*/*", "Accept-Encoding": "identity"}


def fixed_fields(host: str, headers: Mapping[str, str]) -> bytes:
    """Return the fields that every request to a server has.

    Raises:
        SettingsError: a value, like a key, would break out of its line.
    """
    return fields({"Host": host, **_OURS, **headers})


def fields(headers: Mapping[str, str]) -> bytes:
    """Return header fields, a line each.

    Raises:
        SettingsError: a value would break out of its line.
    """
    for name, value in headers.items():
        if not (value.isascii() and value.isprintable()):
            raise SettingsError(
                f"The {name} for a model server holds characters that no header can; mend the "
                "variable it comes from."
            )
    return "".join(f"{name}: {value}\r\n" for name, value in headers.items()).encode("ascii")


def secrets_in(headers: Mapping[str, str]) -> tuple[bytes, ...]:
    """Return the keys in header fields, without words like `Bearer` before them."""
    told = {name.lower(): value.rpartition(" ")[2] for name, value in headers.items()}
    return tuple(told[name].encode() for name in _KEY_FIELDS if told.get(name))


def request_head(method: str, target: str, fixed: bytes, own: bytes, size: int) -> bytes:
    """Return all that comes before a body of `size` bytes."""
    length = b"" if method == "GET" else b"Content-Length: %d\r\n" % size
    return b"%b %b HTTP/1.1\r\n%b%b%b\r\n" % (
        method.encode(),
        _quoted(target),
        fixed,
        own,
        length,
    )


@lru_cache(maxsize=256)
def _quoted(target: str) -> bytes:
    return quote(target, safe=_RESERVED).encode("ascii")
