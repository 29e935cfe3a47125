"""Progress: what another model needs to go on exactly where the last one stopped."""

from hypothesis import given
from hypothesis import strategies as st

from modelnet.core.chunk import Chunk, Usage
from modelnet.core.request import Chat, Complete, Embed, Message, Partial, Sampling
from modelnet.interaction.progress import Progress

CHAT = Chat((Message("user", "count"),), Sampling(max_tokens=10))


def test_an_untouched_request_is_asked_as_it_is():
    assert Progress(CHAT).rest() is CHAT
    assert not Progress(CHAT).is_begun


def test_the_rest_holds_text_reasoning_and_the_tokens_left():
    progress = Progress(CHAT)
    progress.take(Chunk(reasoning="hm"))
    progress.take(Chunk(text="one "))
    progress.take(Chunk(text="two "))
    rest = progress.rest()
    assert rest.partial == Partial("one two ", "hm")
    assert rest.sampling.max_tokens == 7


def test_a_partial_of_the_asker_comes_first():
    progress = Progress(Complete("p", partial=Partial("zero ")))
    progress.take(Chunk(text="one "))
    assert progress.rest().partial.text == "zero one "


def test_embeddings_are_asked_anew():
    request = Embed(("a",))
    progress = Progress(request)
    assert progress.rest() is request
    assert not progress.is_exhausted


def test_usage_after_a_takeover_covers_the_whole_answer():
    progress = Progress(CHAT)
    for _ in range(4):
        progress.take(Chunk(text="x"))
    progress.rest()
    last = progress.take(Chunk(text="y", finish="stop", usage=Usage(12, 2)))
    assert last.usage == Usage(8, 6)
    assert progress.is_finished


def test_an_engine_that_does_not_count_the_part_it_continues_keeps_its_prompt_tokens():
    progress = Progress(CHAT)
    for _ in range(4):
        progress.take(Chunk(text="x"))
    progress.rest()
    assert progress.take(Chunk(finish="stop", usage=Usage(3, 2))).usage == Usage(3, 6)


def test_usage_without_a_takeover_is_the_engine_s_own():
    progress = Progress(CHAT)
    progress.rest()
    chunk = Chunk(text="y", finish="stop", usage=Usage(12, 1))
    assert progress.take(chunk) is chunk


def test_an_answer_whose_tokens_ran_out_as_its_model_died_is_whole():
    progress = Progress(CHAT)
    for _ in range(10):
        progress.take(Chunk(text="x"))
    assert progress.is_exhausted
    assert progress.ending() == Chunk(finish="length", usage=Usage(0, 10))
    assert progress.is_finished


@given(st.lists(st.text(max_size=5), max_size=20), st.data())
def test_what_was_said_and_what_is_left_to_say_make_the_whole(texts, data):
    """Whatever the place of death, no byte is lost and none comes twice."""
    cut = data.draw(st.integers(0, len(texts)))
    progress = Progress(Complete("p"))
    for text in texts[:cut]:
        progress.take(Chunk(text=text))
    assert progress.rest().partial.text + "".join(texts[cut:]) == "".join(texts)


def test_tokens_are_believed_up_to_one_a_byte():
    progress = Progress(CHAT)
    progress.take(Chunk(text="abc", n_tokens=10**9))
    progress.take(Chunk(text="d", n_tokens=-5))
    assert progress.tokens == 3


def test_what_cannot_be_continued_is_known():
    progress = Progress(CHAT)
    progress.take(Chunk(text="a"))
    assert progress.can_go_on_elsewhere
    progress.take(Chunk(vectors=(b"1234",)))
    assert not progress.can_go_on_elsewhere


def test_a_fork_goes_its_own_way():
    progress = Progress(CHAT)
    progress.take(Chunk(text="one "))
    fork = progress.fork()
    fork.take(Chunk(text="two "))
    progress.take(Chunk(text="zwei "))
    assert fork.rest().partial.text == "one two "
    assert progress.rest().partial.text == "one zwei "
