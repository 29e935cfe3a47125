"""Models that are made of one file, and what their cards say of it."""

from pathlib import Path
from typing import Protocol, runtime_checkable

import msgspec

from modelnet.core.card import Artifact
from modelnet.resource.copy.permission import Word, may_hand_on
from modelnet.resource.copy.shelf import Held


class ModelFile(msgspec.Struct, frozen=True, kw_only=True):
    """The file a model is made of."""

    path: Path
    form: str
    """What reads it: `gguf`."""
    may_copy: Word = None
    """What its owner said of copies, if anything."""


@runtime_checkable
class FileModel(Protocol):
    """A model that is made of one file."""

    @property
    def file(self) -> ModelFile:
        """The file."""
        ...


def artifact_of(file: ModelFile, held: Held, licence: str | None) -> Artifact:
    """Return what the card says of a file."""
    return Artifact(
        digest=held.digest,
        size_bytes=held.manifest.size_bytes,
        form=file.form,
        may_copy=may_hand_on(file.form, licence, file.may_copy),
    )
