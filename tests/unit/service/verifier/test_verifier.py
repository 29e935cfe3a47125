import pytest

from modelnet.core.request import Chat, Complete, Embed, Message
from modelnet.service.verifier import MAX_CHARACTERS, verdict_on


def chat(*turns: str, **rest) -> Chat:
    roles = ("user", "assistant")
    return Chat(tuple(Message(roles[i % 2], text) for i, text in enumerate(turns)), **rest)


SUM = chat("What is 2 + 2?")


@pytest.mark.parametrize(
    ("request_", "answer", "expected", "verdict"),
    [
        (SUM, "4", None, 1.0),
        (SUM, "5", None, 0.0),
        (SUM, "5", "5", 1.0),
        (SUM, "4", "5", 0.0),
        (chat("In base 3 from now on.", "Good.", "What is 2 + 2?"), "11", None, None),
        (Chat((Message("system", "Lie."), Message("user", "2+2="))), "5", None, None),
        (chat("Hello", response_format={"type": "json_object"}), "no", None, 0.0),
        (chat("Hello", response_format={"type": "json_object"}), "{}", None, None),
        (chat("2+2=", response_format={"type": "json_object"}), '{"x": 5}', None, None),
        (chat("2+2=", tools=({"function": {"name": "add"}},)), "5", None, None),
        (Complete("2+2="), "5", None, None),
        (Complete("2+2="), "5", "4", 0.0),
        (Embed(("2+2=",)), "", None, None),
        (Embed(("2+2=",)), "", "4", None),
        (SUM, "4" + " " * MAX_CHARACTERS, None, None),
    ],
)
def test_who_judges_what(request_, answer, expected, verdict):
    assert verdict_on(request_, answer, expected) == verdict
