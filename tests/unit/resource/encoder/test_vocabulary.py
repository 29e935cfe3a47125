"""The tokenizer, on words whose tokens are known."""

import pytest
import tokenizers

from modelnet.resource.encoder.vocabulary import tokenizer_json


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("Hello, WORLD!", ["hello", ",", "world", "!"]),
        ("embeddings", ["em", "##bed", "##ding", "##s"]),
        ("Café", ["cafe"]),
        ("2+2=4", ["2", "+", "2", "=", "4"]),
        ("日本", ["日", "本"]),
        ("x" * 101, ["[UNK]"]),
        ("", []),
    ],
)
def test_texts_become_the_tokens_of_bert(text, tokens):
    read = tokenizers.Tokenizer.from_str(tokenizer_json().decode()).encode(text)
    assert read.tokens == ["[CLS]", *tokens, "[SEP]"]
    assert read.ids[0] == 101
    assert read.ids[-1] == 102
