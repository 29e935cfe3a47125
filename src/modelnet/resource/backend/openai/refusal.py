"""What a server was found not to do, beyond what its card can say. Pure."""

from modelnet.core.error import UnsupportedError
from modelnet.core.request import Chat, Complete, ImagePart, Prefix, Request, Score, Step
from modelnet.resource.backend.grammar import refuse_heavy_schema, refuse_heavy_tools
from modelnet.resource.backend.guard import refuse_response_format
from modelnet.resource.backend.image import inline_image
from modelnet.resource.backend.openai.finding import Findings
from modelnet.resource.backend.schema import schema_of


def refuse_unfound(findings: Findings, request: Request, *, fetches_images: bool) -> None:
    """Let a request pass that nothing is known to stand in the way of.

    Args:
        findings: what the server showed.
        request: what is asked.
        fetches_images: whether the server may be sent out for an image: a cloud, but none in our
            own network, where the asker cannot go.

    Raises:
        UnsupportedError: the server was seen not to do it.
        InvalidRequestError: an image is none, or a schema would stop llama.cpp.
    """
    match request:
        case Chat():
            _refuse_chat(findings, request)
            _refuse_alternatives(findings, findings.alternatives(request), _wanted(request))
        case Complete():
            _refuse_alternatives(findings, findings.alternatives(request), _wanted(request))
        case Step():
            _refuse_prefix(findings, request.prefix)
            most = findings.alternatives(request.prefix, is_step=True)
            _refuse_alternatives(findings, most, request.top_k)
        case Score():
            _refuse_prefix(findings, request.prefix)
        case _:
            return
    chat = request.prefix if isinstance(request, Step | Score) else request
    if isinstance(chat, Chat) and not fetches_images:
        _refuse_far_images(chat)


def _refuse_chat(findings: Findings, request: Chat) -> None:
    name = findings.card.name
    if findings.is_llama:
        _refuse_heavy(request)
    if not request.is_plain_text:
        kind = (request.response_format or {}).get("type")
        if kind not in findings.formats:
            raise UnsupportedError(
                f"The model {name} holds its answer to no {kind}; leave out response_format."
            )
    if request.tools and request.tool_choice != "auto" and not findings.forces_tools:
        raise UnsupportedError(
            f"The model {name} cannot be made to call a tool; set tool_choice to auto."
        )


def _refuse_heavy(request: Chat) -> None:
    """Let a chat pass of whose schemas llama.cpp can make grammars that it can follow.

    Raises:
        InvalidRequestError: one would stop it.
    """
    refuse_heavy_tools(request.tools)
    if (request.response_format or {}).get("type") == "json_schema":
        refuse_heavy_schema(schema_of(request.response_format or {}))


def _wanted(request: Chat | Complete) -> int:
    """Return how many alternatives are wanted; some servers tell nothing where none are."""
    wanted = request.sampling.top_logprobs
    return 0 if wanted is None else max(1, wanted)


def _refuse_alternatives(findings: Findings, most: int, wanted: int) -> None:
    if wanted > most:
        raise UnsupportedError(
            f"The model {findings.card.name} tells {most} alternatives to a token here, and not "
            f"{wanted}; ask for fewer, or ask another model."
        )


def _refuse_prefix(findings: Findings, prefix: Prefix) -> None:
    if isinstance(prefix, Complete) and "complete" not in findings.card.operations:
        raise UnsupportedError(
            f"The model {findings.card.name} chats only; ask for the next token of a chat."
        )
    refuse_response_format(findings.card, prefix)


def _refuse_far_images(chat: Chat) -> None:
    for message in chat.messages:
        for part in () if isinstance(message.content, str) else message.content:
            if isinstance(part, ImagePart):
                inline_image(part)
