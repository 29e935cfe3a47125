"""What a task looks like at a glance."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelnet.core.request import Chat, Complete, Embed, Message, Score
from modelnet.service.form import Form, form_of, language_of


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("What is the capital of Peru?", "English"),
        ("Wie heißt die Hauptstadt von Peru, und ist sie alt?", "German"),
        ("Quelle est la capitale du Pérou ?", "French"),
        ("¿Cuál es la capital del Perú y quién vive en ella?", "Spanish"),
        ("Qual è la capitale del Perù e chi sono gli abitanti?", "Italian"),
        ("Qual é a capital do Peru e quem não mora em Lima?", "Portuguese"),
        ("Wat is de hoofdstad van Peru en hoe groot is het?", "Dutch"),
        ("秘鲁的首都是哪里", "Chinese"),
        ("ペルーの首都はどこですか", "Japanese"),
        ("페루의 수도는 어디입니까", "Korean"),
        ("Какой город столица Перу?", "Russian"),
        ("ما هي عاصمة بيرو؟", "Arabic"),
        ("Who wrote Война и мир, and what is the book about in the end?", "English"),
        ("700-58=", None),
        ("zzz qqq xyzzy", None),
        ("", None),
    ],
)
def test_the_language_of_a_text(text, language):
    assert language_of(text) == language


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("Say hello.", ()),
        ("What is 3 plus 4?", ("numbers",)),
        ("Mend this:\n```python\nprint(x)\n```", ("code",)),
        ("def f(n):\n    return n", ("code",)),
        ("Which one?\nA. red\nB. blue", ("choices",)),
        ("Which one?\n(A) 12\n(B) 13", ("choices", "numbers")),
        ("Vitamin A. It is good. B. is too.", ()),
    ],
)
def test_what_a_text_is_made_of(text, parts):
    assert form_of(Complete(text)).parts == parts
    assert form_of(Chat((Message("user", text),))).parts == parts


def test_what_stands_beside_the_text():
    tool = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}
    chat = Chat(
        (Message("user", "What is the weather?"),),
        tools=(tool,),
        response_format={"type": "json_object"},
    )
    assert form_of(chat) == Form("English", ("tools", "JSON"))
    assert form_of(Score(chat, "x")) == form_of(chat)
    assert form_of(Embed(("What is the weather?",))) == Form(None, ())


@given(st.text(max_size=300))
def test_any_text_will_do(text):
    assert isinstance(form_of(Complete(text)), Form)
