"""Engines and clouds write one name in many ways."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelnet.core.card import ModelCard
from modelnet.service.known.name import plain, public_name, without_size


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("llama3.1:8b", "llama-3.1-8b"),
        ("llama3.1:8b-instruct-q4_K_M", "llama-3.1-8b"),
        ("meta-llama/Llama-3.1-8B-Instruct", "llama-3.1-8b"),
        ("Meta-Llama-3.1-8B-Instruct-Q4_K_M.gguf", "llama-3.1-8b"),
        ("Meta-Llama-3_1-8B-Instruct", "llama-3.1-8b"),
        ("Llama-3.1-405B-Inst@sambanova", "llama-3.1-405b"),
        ("qwen2:7b-instruct", "qwen-2-7b"),
        ("Qwen/Qwen2-7B-Instruct-AWQ", "qwen-2-7b"),
        ("gemma-2-9b-it-IQ4_XS", "gemma-2-9b"),
        ("google/gemma-2-9b-it", "gemma-2-9b"),
        ("mixtral:8x7b", "mixtral-8x7b"),
        ("Phi-3-mini-4k-instruct", "phi-3-mini"),
        ("gpt-4o", "gpt-4o"),
        ("gpt-4o-2024-08-06", "gpt-4o"),
        ("openai/gpt-4o-mini", "gpt-4o-mini"),
        ("claude-3-5-sonnet-20241022", "claude-3.5-sonnet"),
        ("anthropic/claude-3.5-sonnet", "claude-3.5-sonnet"),
        ("claude-3-haiku-20240307", "claude-3-haiku"),
        ("gemini-1.5-pro-002", "gemini-1.5-pro"),
        ("o1-mini-2024-09-12", "o1-mini"),
        ("o1", "o1"),
    ],
)
def test_a_name_is_understood(name, said):
    assert plain(name) == said


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("gpt-4o", "gpt-4o-mini"),
        ("gemini-1.5-flash", "gemini-1.5-flash-8b"),
        ("llama3.1:8b", "llama3:8b"),
        ("llama3.1:8b", "llama3.1:70b"),
        ("claude-3-opus", "claude-3-haiku"),
        ("o1", "o1-mini"),
        ("qwen2:7b", "qwen2.5:7b"),
    ],
)
def test_what_is_another_model_is_another_name(one, other):
    assert plain(one) != plain(other)


def card(name: str, parameters: int | None = None) -> ModelCard:
    return ModelCard(name=name, operations=("chat",), engine="ollama", parameters=parameters)


def test_a_size_that_only_the_card_tells_counts():
    assert public_name(card("llama3.1", 8_030_261_248)) == "llama-3.1-8b"
    assert public_name(card("llama3.1:70b", 8_030_261_248)) == "llama-3.1-70b"
    assert public_name(card("gpt-4o")) == "gpt-4o"
    assert public_name(card("odd", -1)) == "odd"


def test_a_size_is_taken_off():
    assert without_size("command-r-35b") == "command-r"
    assert without_size("mixtral-8x7b") == "mixtral"


@given(st.text(max_size=60))
def test_any_text_is_some_name(name):
    assert "/" not in plain(name)
