"""Which part of an answer is the code that was asked for. Pure; nothing is ever executed."""

import re
from textwrap import dedent
from typing import NamedTuple

_FENCE = re.compile(r"^([ \t]*)(`{3,}|~{3,})[ \t]*([\w+#.-]*)[^\n]*$", re.MULTILINE)
_DEFINES = re.compile(r"^(?:async[ \t]+def|def|class)[ \t]", re.MULTILINE)
_PYTHON = frozenset({"", "py", "py3", "python", "python3"})


class _Block(NamedTuple):
    language: str
    code: str


def code_in(answer: str) -> str:
    """Return the Python in an answer: its last fenced block that defines anything, or all of it.

    Blocks of other languages are passed over, and so are examples of use after the code.
    """
    blocks = [block.code for block in _blocks(answer) if block.language.casefold() in _PYTHON]
    if not blocks:
        return answer
    return next((code for code in reversed(blocks) if _DEFINES.search(code)), blocks[-1])


def _blocks(answer: str) -> list[_Block]:
    """Return the fenced blocks; one that is not closed goes to the end."""
    blocks: list[_Block] = []
    begun: re.Match[str] | None = None
    for fence in _FENCE.finditer(answer):
        if begun is None:
            begun = fence
        elif _closes(begun, fence):
            blocks.append(_block(begun, answer[begun.end() + 1 : fence.start()]))
            begun = None
    if begun is not None:
        blocks.append(_block(begun, answer[begun.end() + 1 :]))
    return blocks


def _closes(begun: re.Match[str], fence: re.Match[str]) -> bool:
    return fence[2].startswith(begun[2]) and not fence[3]


def _block(fence: re.Match[str], inner: str) -> _Block:
    return _Block(fence[3], dedent(inner))
