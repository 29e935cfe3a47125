"""Where a server that speaks OpenAI's API is, and where its key is kept."""

import re

from modelnet.core.error import SettingsError
from modelnet.resource.backend.http.endpoint import Endpoint, endpoint_from

_OPENAI = "https://api.openai.com"

OWN_KEYS = {
    "api.openai.com": "OPENAI_API_KEY",
    "api.mistral.ai": "MISTRAL_API_KEY",
    "api.deepseek.com": "DEEPSEEK_API_KEY",
    "api.groq.com": "GROQ_API_KEY",
    "openrouter.ai": "OPENROUTER_API_KEY",
    "api.together.xyz": "TOGETHER_API_KEY",
}
"""The variables in which the tools of these providers keep their keys."""

# What a person writes who means a server but forgets `http://`; nothing of theirs goes to a cloud.
_SERVER = re.compile(r"(\d+|localhost|[\w.-]+:\d+|\d+(\.\d+){3})(/.*)?|.*#.*|/.*|")


def openai_endpoint(text: str) -> Endpoint:
    """Read `URL#model` of a server that speaks OpenAI's API, or the name of a model of OpenAI's.

    Raises:
        SettingsError: it is neither.
    """
    address, mark, key = text.strip().partition(";key=")
    is_name = "://" not in address and not _SERVER.fullmatch(address)
    whole = f"{_OPENAI}#{address}{mark}{key}" if is_name else text
    return endpoint_from(whole, path="/v1", own_keys=OWN_KEYS)


def is_cloud(endpoint: Endpoint) -> bool:
    """Whether a provider of many runs the server, who tells keys apart and bills for answers."""
    return endpoint.root.removeprefix("https://") in OWN_KEYS


def refuse_missing_key(endpoint: Endpoint, key: str | None) -> None:
    """Return if a cloud that needs a key has one.

    Raises:
        SettingsError: it has none.
    """
    if key is None and is_cloud(endpoint):
        names = " or ".join(reversed(endpoint.key_variables))
        raise SettingsError(f"{endpoint.root} wants a key; set {names}.")
