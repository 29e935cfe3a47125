"""The embedded zoo: tiny specialists and one generalist, shipped with the package."""

from pathlib import Path

import msgspec

from modelnet.core.card import Skill
from modelnet.core.clock import Clock, system_clock
from modelnet.core.error import ModelFileError, SettingsError
from modelnet.resource.backend.embedded import Claims, EmbeddedModel

FOLDER = Path(__file__).parent
"""Where the weights are."""

_PREFIX = "zoo:"


class ZooEntry(msgspec.Struct, frozen=True):
    """What `zoo.json` says of one model."""

    name: str
    file: str
    sha256: str
    description: str = ""
    skills: tuple[str, ...] = ()
    parameters: int | None = None
    context_length: int | None = None


def zoo_entries() -> dict[str, ZooEntry]:
    """Return the models of the zoo by their names, which begin with `zoo:`.

    Raises:
        ModelFileError: the list of the zoo is missing or corrupt.
    """
    try:
        entries = msgspec.json.decode((FOLDER / "zoo.json").read_bytes(), type=list[ZooEntry])
    except (OSError, msgspec.DecodeError) as error:
        raise ModelFileError(
            f"The list of the zoo cannot be read ({error}); install the package again."
        ) from error
    return {_full_name(entry.name): entry for entry in entries}


def zoo_model(
    name: str, *, rename: str | None = None, clock: Clock = system_clock
) -> EmbeddedModel:
    """Return a model of the zoo (`calc` or `zoo:calc`), not yet started.

    Raises:
        SettingsError: the zoo has no model of that name.
    """
    entries = zoo_entries()
    entry = entries.get(_full_name(name))
    if entry is None:
        raise SettingsError(f"The zoo has no {name}; it has {', '.join(entries)}.")
    claims = Claims(
        name=rename or _full_name(name),
        description=entry.description,
        skills=tuple(Skill(skill, skill) for skill in entry.skills),
        sha256=entry.sha256,
        temperature=0.0,
    )
    return EmbeddedModel(FOLDER / entry.file, claims, clock=clock)


def _full_name(name: str) -> str:
    return name if name.startswith(_PREFIX) else _PREFIX + name
