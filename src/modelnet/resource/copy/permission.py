"""What may be handed on, and what may be taken in: pure rules on form, licence and owner's word."""

from typing import Literal, TypeAlias

from modelnet.core.card import Artifact, ModelCard
from modelnet.core.error import UnsupportedError

FORMS = frozenset({"gguf"})
"""Files that hold weights and no code, and whose reader checks them first."""

FREE_LICENCES = frozenset(
    name.lower()
    for name in (
        "0BSD", "AFL-3.0", "AGPL-3.0-only", "AGPL-3.0-or-later", "Apache-2.0", "Artistic-2.0",
        "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0", "CC0-1.0", "CC-BY-3.0", "CC-BY-4.0",
        "CC-BY-SA-3.0", "CC-BY-SA-4.0", "CDLA-Permissive-2.0", "ECL-2.0", "EPL-2.0",
        "GPL-2.0-only", "GPL-2.0-or-later", "GPL-3.0-only",
        "GPL-3.0-or-later", "ISC", "LGPL-2.1-only", "LGPL-2.1-or-later", "LGPL-3.0-only",
        "LGPL-3.0-or-later", "MIT", "MIT-0", "MPL-2.0", "OFL-1.1", "OSL-3.0", "PDDL-1.0",
        "Unlicense", "WTFPL", "Zlib",
    )
)  # fmt: skip
"""Licences, by their SPDX names in lower case, under which anyone may hand on an unchanged copy for
any purpose; those for non-commercial use only are left to a person to judge."""

Word: TypeAlias = bool | None
"""What the owner of a file said of copies: yes, no, or nothing."""

Cause: TypeAlias = Literal["pull", "deploy", "takeover"]
"""Why a node takes a model in: its own user wants it, another node does, or nobody serves it."""


def is_free(licence: str | None) -> bool:
    """Whether a licence is known to permit handing the file on."""
    return licence is not None and licence.strip().lower() in FREE_LICENCES


def may_hand_on(form: str, licence: str | None, word: Word) -> bool:
    """Whether a file may be given to other nodes.

    An owner's no is final. Without the owner's word only a licence known to permit it is enough.
    """
    if form not in FORMS or word is False:
        return False
    return bool(word) or is_free(licence)


def check_copy(card: ModelCard, cause: Cause) -> Artifact:
    """Return the file of a model that may be taken in.

    A user who pulls relies on the word of the node that offers the file. Where no user looks on,
    a deploy or a takeover, the licence itself must permit it.

    Raises:
        UnsupportedError: it may not; the sentence says why.
    """
    artifact = card.artifact
    if artifact is None:
        raise UnsupportedError(f"{card.name} is not a file that can be copied; ask it where it is.")
    if artifact.form not in FORMS:
        raise UnsupportedError(f"{card.name} is a {artifact.form} file, and those are not copied.")
    if not artifact.may_copy:
        raise UnsupportedError(
            f"The owner of {card.name} or its licence does not permit copies; ask it where it is."
        )
    if cause != "pull" and not is_free(card.licence):
        licence = card.licence or "unknown"
        raise UnsupportedError(
            f"The licence of {card.name} ({licence}) is not known to permit copies; pull it by "
            "hand where you know that it does."
        )
    return artifact
