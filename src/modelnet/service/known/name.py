"""Which public model a name means, as engines and clouds write it: a claim like any other."""

import re
from functools import lru_cache

from modelnet.core.card import ModelCard

_FILE = re.compile(r"\.(gguf|onnx|bin|safetensors)$")
_DATE = re.compile(r"-20\d\d-?[01]\d(-?[0-3]\d)?|-[01]\d[0-3]\d|-2[3-9][01]\d")
_POINT = re.compile(r"(?<=\d)_(?=\d+(\D|$))|(?<=-\d)-(?=\d(-|$))")
_GLUED = re.compile(r"^(llama|qwen|phi|gemma|mistral|mixtral|yi|claude|gemini|deepseek)(?=\d)")
_SIZE = re.compile(r"(\d+x)?\d+(\.\d+)?[bm]")
_FORM = re.compile(
    r"i?q\d+|[bf]p?f?(8|16|32)|u?int\d+|w\d+a\d+|\dbit|k|s|m|l|xs|xxs|nl|gguf|onnx|awq|gptq|mlx"
    r"|\d+k|0|1|v0\.?\d|v1|\d{3}"
)
_NO_PART = frozenset(
    "hf it inst instruct chat fc any auto preview latest open meta nvidia meetkai mistralai c4ai"
    " turbo zero one ai".split()
)
"""Words that tell whose it is, or how it is tuned, called and stored, and not which it is."""


def public_name(card: ModelCard) -> str:
    """Return the plain name of the model that a card claims to be.

    A size that only the card tells is written behind the name: Ollama's `llama3.1` is of 8 billion.
    """
    return _sized(card.name, card.parameters)


@lru_cache(maxsize=4096)
def _sized(name: str, parameters: int | None) -> str:
    plainly = plain(name)
    if parameters is None or parameters <= 0 or any(map(_is_size, plainly.split("-"))):
        return plainly
    return f"{plainly}-{round(parameters / 1e9)}b"


@lru_cache(maxsize=4096)
def without_size(name: str) -> str:
    """Return a plain name without its size: not every name tells it."""
    return "-".join(part for part in name.split("-") if not _is_size(part))


@lru_cache(maxsize=4096)
def plain(name: str) -> str:
    """Return a name without publisher, date, build, and how it is tuned, called and stored.

    >>> plain("meta-llama/Llama-3.1-8B-Instruct"), plain("llama3.1:8b")
    ('llama-3.1-8b', 'llama-3.1-8b')
    >>> plain("gpt-4o-2024-08-06-FC"), plain("Meta-Llama-3.1-8B-Instruct-Q4_K_M.gguf")
    ('gpt-4o', 'llama-3.1-8b')
    """
    own = _FILE.sub("", name.lower().split("@")[0].rsplit("/", 1)[-1])
    parts = [part for part in re.split(r"[-_: ]", _DATE.sub("", _POINT.sub(".", own))) if part]
    kept: list[str] = []
    for part in parts:
        if part in _NO_PART or (kept and _FORM.fullmatch(part)):
            continue
        kept += _GLUED.sub(r"\1-", part).split("-")
    return "-".join(kept) or own


def _is_size(part: str) -> bool:
    return _SIZE.fullmatch(part) is not None
