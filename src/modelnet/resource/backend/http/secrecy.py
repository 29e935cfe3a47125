"""Keeping a key out of what is said about its server, which may repeat it in its answers."""

from collections.abc import Generator
from contextlib import contextmanager

from modelnet.core.error import ModelnetError

BLOT = "***"


@contextmanager
def keeping(secret: str | None) -> Generator[None, None, None]:
    """Blot a secret out of the message of every error that leaves the block."""
    try:
        yield
    except ModelnetError as error:
        if secret and secret in error.message:
            error.message = error.message.replace(secret, BLOT)
            error.args = (error.message,)
        raise
