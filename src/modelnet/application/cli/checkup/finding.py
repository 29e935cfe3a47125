"""What a check of `modelnet doctor` found."""

from typing import Literal, TypeAlias

import msgspec

Level: TypeAlias = Literal["ok", "warn", "fail"]


class Finding(msgspec.Struct, frozen=True):
    """One line of the report."""

    check: str
    level: Level
    told: str
    fix: str | None = None
    """The command that mends it; where nothing is amiss, the one that would add something."""


def ok(check: str, told: str) -> Finding:
    """Return what needs no attention."""
    return Finding(check, "ok", told)


def hint(check: str, told: str, add: str) -> Finding:
    """Return what nobody has to have, and how to have it."""
    return Finding(check, "ok", told, add)


def warn(check: str, told: str, fix: str) -> Finding:
    """Return what keeps some things from working."""
    return Finding(check, "warn", told, fix)


def fail(check: str, told: str, fix: str) -> Finding:
    """Return what keeps a node from starting."""
    return Finding(check, "fail", told, fix)
