"""What was found out of a server's model when it was probed."""

from typing import Any, Literal, TypeAlias

import msgspec

from modelnet.core.card import ModelCard
from modelnet.core.request import Chat, Prefix

Continuation: TypeAlias = Literal["template", "final_message"] | None
"""How a server goes on with an answer begun elsewhere.

`template`: llama.cpp renders the prompt, and completes it with the answer so far behind it.
`final_message`: vLLM leaves the last message of the chat open.
"""

OPEN_MESSAGE: dict[str, Any] = {"add_generation_prompt": False, "continue_final_message": True}
"""What vLLM wants to be told, besides an assistant's message at the end of the chat."""

Occupancy: TypeAlias = Literal["slots", "metrics"] | None
"""Where a server tells how busy it is: llama.cpp, or vLLM and SGLang."""

Scoring: TypeAlias = Literal["prompt_logprobs", "echo"] | None
"""How a server tells how likely a given text is.

`prompt_logprobs`: vLLM takes token ids, and tells the log-probabilities of those it read.
`echo`: completions repeat the prompt, with its log-probabilities.
"""


class Dialect(msgspec.Struct, frozen=True):
    """How a server wants to be asked."""

    length_field: str = "max_tokens"
    """Younger models of OpenAI's count their hidden reasoning too, and want another name."""
    has_stream_options: bool = True
    """Whether it can be asked to tell its usage in a stream; older servers refuse the field."""


class Findings(msgspec.Struct, frozen=True, kw_only=True):
    """What was found out."""

    model: str
    card: ModelCard
    dialect: Dialect = Dialect()
    continuation: Continuation = None
    chat_alternatives: int = 0
    """The most alternatives a token of a chat comes with; 0 where none are told."""
    completion_alternatives: int = 0
    """The same of a completion."""
    scoring: Scoring = None
    formats: frozenset[str] = frozenset()
    """The types of `response_format` it held its answer to."""
    occupancy: Occupancy = None
    """Where it tells how busy it is."""
    is_llama: bool = False
    """Whether it said that it is llama.cpp."""
    forces_tools: bool = False
    """Whether it called a tool because it was told to call one."""
    ends: frozenset[str] = frozenset()
    """Tokens that end an answer, as the server writes them."""

    def alternatives(self, prefix: Prefix, *, is_step: bool = False) -> int:
        """Return how many alternatives to a token can be had after such a prefix."""
        if not isinstance(prefix, Chat):
            return self.completion_alternatives
        is_raw = self.continuation == "template" and (is_step or bool(prefix.partial))
        return self.completion_alternatives if is_raw else self.chat_alternatives
