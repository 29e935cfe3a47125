"""The router replayed on recorded answers: what it asks, what it learns, who is compared."""

import numpy as np
import pytest

from modelnet.service.hierarchy import Hierarchy
from modelnet.service.neighbourhood import SIZE, Neighbourhood
from modelnet.testbed.bench.routing.data import Part
from modelnet.testbed.bench.routing.live import Replay

TOPICS = ("bread", "sails")


def made(n: int = 240, *, is_split: bool = True) -> Part:
    """Return queries of two topics; a model knows each, or one knows both."""
    rng = np.random.default_rng(0)
    topic = rng.integers(0, 2, n)
    embedding = np.zeros((n, SIZE))
    embedding[np.arange(n), topic] = 1.0
    right = np.stack([topic == 0, topic == 1], axis=1) if is_split else np.array([[0, 1]] * n)
    return Part(
        models=("baker", "sailor"),
        domains=tuple(TOPICS[one] for one in topic),
        surface=np.zeros((n, 1)),
        embedding=embedding,
        right=right.astype(np.float64),
        cost=np.zeros((n, 2)),
        latency_s=None,
        answers=None,
        prompts=tuple(f"Tell me about {TOPICS[one]}." for one in topic),
    )


SETUPS = {"nothing": lambda: (), "near": lambda: (Neighbourhood(),)}


def test_a_witness_that_tells_topics_apart_is_worth_half_the_queries():
    told = Replay(made()).run(SETUPS, orders=2)
    assert told["near"].last_third == pytest.approx(100.0, abs=5.0)
    assert told["near"].gain > 30.0
    assert told["near"].gain_error < 5.0
    assert told["nothing"].gain == told["nothing"].gain_error == 0.0
    assert told["near"].last_delta > 40.0


def test_without_an_encoder_nothing_is_near():
    told = Replay(made(), encoder=False).run(SETUPS, orders=2)
    assert told["near"] == told["nothing"]


def test_without_an_encoder_words_tell_topics_apart():
    setups = {"nothing": lambda: (), "tree": lambda: (Hierarchy(),)}
    told = Replay(made(), encoder=False).run(setups, orders=2)
    assert told["tree"].last_delta > 30.0


def test_an_exam_finds_who_is_best_at_everything():
    replay = Replay(made(is_split=False))
    assert replay.run(SETUPS)["nothing"].accuracy == 100.0
    assert replay.run(SETUPS)["nothing"].delta == 0.0


def test_it_is_the_same_every_time_and_ends_where_it_should():
    replay = Replay(made())
    short = replay.run(SETUPS, orders=1, most=50)
    assert short == replay.run(SETUPS, orders=1, most=50)
    assert [*short["near"].after] == ["0"]
    assert [*replay.run(SETUPS, orders=1)["near"].after] == ["0", "100"]
