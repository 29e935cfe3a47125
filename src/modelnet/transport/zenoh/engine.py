"""The few calls into the engine whose published types are incomplete, typed here once."""

from typing import Any

import msgspec
import zenoh


def configure(tree: dict[str, Any]) -> zenoh.Config:
    """Return a configuration with these values, by path."""
    config = zenoh.Config()
    for path, value in tree.items():
        config.insert_json5(path, msgspec.json.encode(value).decode())  # pyright: ignore[reportUnknownMemberType]
    return config


def open_session(config: zenoh.Config) -> zenoh.Session:
    """Open a session; blocks.

    Raises:
        zenoh.ZError: it cannot listen or connect as configured.
    """
    return zenoh.open(config)


def close(session: zenoh.Session) -> None:
    """Close a session and all it declared; blocks."""
    session.close()  # pyright: ignore[reportUnknownMemberType]


def undeclare(token: zenoh.LivelinessToken) -> None:
    """Take back a token."""
    token.undeclare()  # pyright: ignore[reportUnknownMemberType]


def put(
    session: zenoh.Session, key: zenoh.KeyExpr, payload: bytes, priority: zenoh.Priority
) -> None:
    """Publish to the other nodes; blocks while the link is full.

    Raises:
        zenoh.ZError: the session is closed.
    """
    session.put(  # pyright: ignore[reportUnknownMemberType]
        key,
        payload,
        congestion_control=zenoh.CongestionControl.BLOCK,
        priority=priority,
        allowed_destination=zenoh.Locality.REMOTE,
    )
