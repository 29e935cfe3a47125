"""From text to tokens, by a tokenizer of SentencePiece's kind: it puts a space before a text."""

from types import SimpleNamespace

import pytest
from tokenizers import Tokenizer as Library
from tokenizers import decoders, models, normalizers, processors

from modelnet.core.error import ContextTooLongError, InvalidRequestError
from modelnet.resource.backend.transformers.library import Libraries
from modelnet.resource.backend.transformers.tokenizer import Tokenizer
from modelnet.resource.backend.transformers.vocabulary import read_vocabulary

SPECIAL = ["<unk>", "<s>", "</s>"]
BYTES = [f"<0x{byte:02X}>" for byte in range(256)]
PIECES = ["\u2581", *"thefox", "th", "the", "\u2581the"]
MERGES = [("t", "h"), ("th", "e"), ("\u2581", "the")]
BEGIN, END = 1, 2


def sentencepiece() -> Library:
    tokens = {token: place for place, token in enumerate(SPECIAL + BYTES + PIECES)}
    made = Library(models.BPE(tokens, MERGES, unk_token="<unk>", byte_fallback=True))
    made.normalizer = normalizers.Sequence(
        [normalizers.Prepend("\u2581"), normalizers.Replace(" ", "\u2581")]
    )
    steps = [decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse()]
    made.decoder = decoders.Sequence([*steps, decoders.Strip(" ", 1, 0)])
    made.add_special_tokens(SPECIAL)
    made.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", BEGIN), ("</s>", END)]
    )
    return made


@pytest.fixture
def tokenizer() -> Tokenizer:
    library = sentencepiece()
    vocabulary = read_vocabulary(library.to_str(), frozenset({END}))
    own = SimpleNamespace(backend_tokenizer=library, chat_template=None)
    return Tokenizer(Libraries(None, None, None), own, vocabulary, name="small", context_length=12)


def spelled(tokenizer: Tokenizer, tokens: list[int]) -> bytes:
    return b"".join(map(tokenizer.vocabulary.bytes_of, tokens))


@pytest.mark.parametrize(
    "text", ["the fox", " the fox", "  the", "fox", "\n", "\nfox", "é", " ∑", "<s>", "f\x00x"]
)
def test_a_continuation_is_spelled_exactly(tokenizer: Tokenizer, text: str):
    assert spelled(tokenizer, tokenizer.read_continuation(text)) == text.encode()


def test_a_continuation_that_ends_the_answer_cannot_be_written(tokenizer: Tokenizer):
    with pytest.raises(InvalidRequestError):
        tokenizer.read_continuation("fox</s>")


def test_a_prompt_begins_as_the_model_wants_and_does_not_end(tokenizer: Tokenizer):
    tokens = tokenizer.read_prompt("the fox", is_whole=True)
    assert tokens[0] == BEGIN
    assert tokens[-1] != END
    assert spelled(tokenizer, tokens) == b"<s> the fox"


def test_a_rendered_prompt_is_read_as_it_is(tokenizer: Tokenizer):
    assert BEGIN not in tokenizer.read_prompt("the fox")


def test_an_input_is_read_as_the_model_wants_it(tokenizer: Tokenizer):
    tokens = tokenizer.read_input("the")
    assert (tokens[0], tokens[-1]) == (BEGIN, END)


def test_nothing_cannot_be_gone_on_from(tokenizer: Tokenizer):
    with pytest.raises(InvalidRequestError, match="write a prompt"):
        tokenizer.read_prompt("")


def test_a_prompt_leaves_room_for_one_token(tokenizer: Tokenizer):
    assert len(tokenizer.read_prompt("f" * 10)) == 11
    with pytest.raises(ContextTooLongError, match="13 tokens do not fit the 12 of small"):
        tokenizer.read_prompt("f" * 11)
    with pytest.raises(ContextTooLongError):
        tokenizer.read_input("f" * 11)


def test_what_ends_an_answer_has_no_bytes(tokenizer: Tokenizer):
    assert tokenizer.vocabulary.bytes_of(END) == b""
    assert tokenizer.vocabulary.bytes_of(BEGIN) == b"<s>"
