"""The text a model reads: what is counted where its engine does not count."""

from modelnet.core.request import Chat, Complete


def read_text(request: Chat | Complete) -> str:
    """Return all the text of a request, the begun answer included."""
    begun = request.partial.reasoning + request.partial.text
    if isinstance(request, Complete):
        return request.prompt + begun
    return "\n".join([*(message.text for message in request.messages), begun])
