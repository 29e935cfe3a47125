"""Which part of an answer is the code that was asked for. Pure; nothing is ever executed."""

import ast
import re
import warnings
from textwrap import dedent
from typing import NamedTuple

MAX_CHARACTERS = 1 << 16
"""A longer answer is not tested."""

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


def flaw(tests: str) -> str | None:
    """Return why tests are no Python, or nothing where they are."""
    try:
        with warnings.catch_warnings():
            # What is only odd, like `"\d"`, is the asker's own affair.
            warnings.simplefilter("ignore")
            ast.parse(tests)
    except SyntaxError as error:
        return f"{error.msg}, line {error.lineno}"
    except (ValueError, RecursionError, MemoryError) as error:
        return str(error) or "it is nested too deeply"
    return None


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
