"""What is around the chunks of a streamed answer, encoded once an answer, not once a chunk."""

import msgspec

from modelnet.application.gateway.answer import Provenance
from modelnet.core.chunk import Usage

encode = msgspec.json.Encoder().encode

DONE = b"data: [DONE]\n\n"


class UsageView(msgspec.Struct, frozen=True):
    """Tokens, as OpenAI counts them."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


def usage_view(usage: Usage) -> UsageView:
    """Return the usage as OpenAI writes it."""
    return UsageView(usage.prompt_tokens, usage.completion_tokens, usage.total_tokens)


class Envelope:
    """Wraps choices into server-sent events.

    `head` ends where the list of choices begins and changes with the model that answers; `tail`
    begins where the list ends.
    """

    def __init__(self, kind: str, id: str, created: int, *, has_usage: bool) -> None:
        self._constant = b"".join(
            (b'data: {"id":', encode(id), b',"object":', encode(kind), b',"created":%d' % created)
        )
        self._has_usage = has_usage
        self.tail = b'],"usage":null}\n\n' if has_usage else b"]}\n\n"
        self.head = b""
        self.answered_by("")

    def answered_by(self, model: str) -> None:
        """Say who answers from here on."""
        self.head = self._constant + b',"model":' + encode(model) + b',"choices":['

    def closing(self, choice: bytes, usage: Usage, provenance: Provenance) -> bytes:
        """Return the last events: the last choice, the usage if asked for, and the end."""
        origin = b',"modelnet":' + encode(provenance) + b"}\n\n"
        if not self._has_usage:
            return b"".join((self.head, choice, b"]", origin, DONE))
        counted = encode(usage_view(usage))
        return b"".join(
            (self.head, choice, self.tail, self.head, b'],"usage":', counted, origin, DONE)
        )
