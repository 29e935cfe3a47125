"""What a GGUF file says of itself."""

import pytest

from modelnet.resource.backend.embedded.card import (
    Claims,
    batch_of,
    card_of,
    context_length_of,
    settings_of,
)
from modelnet.resource.backend.embedded.gguf import GgufHeader


def header(parameters: int = 1000, **entries: object) -> GgufHeader:
    told = {key.replace("__", "."): value for key, value in entries.items()}
    return GgufHeader({"general.architecture": "llama", **told}, parameters)


def test_a_generator_says_what_it_does():
    file = header(llama__embedding_length=32, llama__context_length=256, general__license="mit")
    card = card_of(file, "m", Claims(), 4)
    assert card.operations == ("chat", "complete", "step", "score", "encode")
    assert (card.hidden_size, card.embedding_size) == (32, None)
    assert (card.context_length, card.licence, card.parameters) == (256, "mit", 1000)
    assert card.layers is None


def test_an_embedder_only_embeds():
    file = header(llama__embedding_length=32, llama__pooling_type=1)
    card = card_of(file, "m", Claims(), 4)
    assert card.operations == ("embed",)
    assert (card.hidden_size, card.embedding_size) == (None, 32)
    assert not card.has_logprobs
    projected = header(
        llama__embedding_length=32, llama__embedding_length_out=16, llama__pooling_type=1
    )
    assert card_of(projected, "m", Claims(), 4).embedding_size == 16


@pytest.mark.parametrize("told", ["32", -1, 0, None])
def test_sizes_that_are_none_are_not_known(told):
    assert card_of(header(llama__embedding_length=told), "m", Claims(), 4).hidden_size is None


def test_large_contexts_are_cut_to_what_memory_is_reserved_for():
    assert context_length_of(header(llama__context_length=1 << 20)) == 8192
    assert context_length_of(header()) == 8192


@pytest.mark.parametrize(
    ("context", "vocabulary", "batch"),
    [
        (256, 320, 256),
        (8192, 320, 2048),
        (8192, 32_000, 2048),
        (8192, 150_000, 512),
        (8192, 0, 2048),
    ],
)
def test_a_batch_is_as_large_as_memory_for_its_logits_allows(context, vocabulary, batch):
    told = {"llama__context_length": context, "tokenizer__ggml__tokens": vocabulary}
    assert batch_of(header(**told), 4) == batch
    assert batch_of(header(**told, llama__pooling_type=1), 4) == min(context, 2048)


def test_the_batch_of_an_embedder_comes_out_even():
    file = header(llama__context_length=512, llama__pooling_type=1)
    assert [batch_of(file, parallel) for parallel in (1, 3, 4, 600)] == [512, 510, 512, 600]


def test_tiny_models_get_one_thread():
    assert settings_of(header(1000), 4, 8).threads == 1
    assert settings_of(header(1 << 30), 4, 8).threads == 8
