"""Which model is asked, and why."""

import random
from collections import Counter

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelnet.core.card import ModelCard, Price, Skill
from modelnet.core.error import EngineError, InvalidRequestError, OverloadedError
from modelnet.core.identity import NodeId
from modelnet.core.load import ModelLoad
from modelnet.core.standing import NEVER_MEASURED, Standing, Tally
from modelnet.resource.directory import Offer
from modelnet.service.analysis import TaskFeatures
from modelnet.service.kind import OTHER, TaskKind
from modelnet.service.outcome import Outcome
from modelnet.service.preference import PREFERENCES, Preference
from modelnet.service.routing import Scored, StandingRouter
from modelnet.service.skill import SKILLS
from modelnet.service.standing import Beliefs
from modelnet.service.timing import Timing

ME = NodeId("me")
NOW = 1_000_000.0
ARITHMETIC = TaskKind.certain("arithmetic")
SUM = TaskFeatures(kind=ARITHMETIC, prompt_bytes=21)


IDLE = ModelLoad()
QUICK = Timing(0.1, 0.1)


def offer(model: str, node: str = "n", load: ModelLoad = IDLE, **card: object) -> Offer:
    fields: dict[str, object] = {"operations": ("chat",), "engine": "scripted", **card}
    made = ModelCard(name=model, **fields)  # pyright: ignore[reportArgumentType]
    return Offer(node=NodeId(node), card=made, load=load)


def claiming(*skills: str) -> tuple[Skill, ...]:
    return tuple(Skill(skill, skill) for skill in skills)


def measured(
    beliefs: Beliefs,
    candidate: Offer,
    right: float,
    *,
    asked: float = 24,
    latency_s: float = 0.01,
    skill: str = "arithmetic",
) -> Offer:
    standing = Standing(
        examiner=ME,
        node=candidate.node,
        model=candidate.card.name,
        skills={skill: Tally(right, asked)},
        latency_s=latency_s,
        tokens_per_answer=5.0,
        measured_at=NOW,
    )
    beliefs.record(standing, NOW)
    return candidate


def rank(
    beliefs: Beliefs | StandingRouter,
    candidates: list[Offer],
    features: TaskFeatures = SUM,
    preference: str = "auto",
    seed: int = 1,
    now: float = NOW,
) -> tuple[Scored, ...]:
    router = StandingRouter(beliefs) if isinstance(beliefs, Beliefs) else beliefs
    return router.rank(
        features,
        candidates,
        preference=PREFERENCES[preference],
        now=now,
        rng=random.Random(seed),
    )


def names(ranked: tuple[Scored, ...]) -> list[str]:
    return [scored.candidate.card.name for scored in ranked]


def failure(model: str, error: Exception, at: float = NOW, node: str = "n") -> Outcome:
    return Outcome(node=NodeId(node), model=model, kind=ARITHMETIC, at=at, error=error)  # pyright: ignore[reportArgumentType]


class TestQuality:
    def test_the_model_that_is_right_more_often_on_the_kind_goes_first(self) -> None:
        beliefs = Beliefs(ME)
        weak = measured(beliefs, offer("weak"), 12)
        strong = measured(beliefs, offer("strong"), 23)
        assert names(rank(beliefs, [weak, strong])) == ["strong", "weak"]

    def test_what_was_measured_goes_before_what_is_claimed(self) -> None:
        beliefs = Beliefs(ME)
        boaster = offer("boaster", skills=claiming("arithmetic"))
        modest = measured(beliefs, offer("modest"), 20)
        assert names(rank(beliefs, [boaster, modest])) == ["modest", "boaster"]

    def test_before_any_exam_the_claims_decide(self) -> None:
        specialist = offer("specialist", skills=claiming("arithmetic"))
        stranger = offer("stranger", skills=claiming("facts"))
        assert names(rank(Beliefs(ME), [stranger, specialist])) == ["specialist", "stranger"]

    def test_an_uncertain_kind_is_best_left_to_who_is_good_at_all_it_may_be(self) -> None:
        beliefs = Beliefs(ME)
        calc = measured(beliefs, offer("calc", skills=claiming("arithmetic")), 24)
        general = offer("general")
        for at, skill in enumerate(SKILLS):
            standing = Standing(
                examiner=ME,
                node=general.node,
                model="general",
                skills={skill: Tally(18, 24)},
                latency_s=0.02,
                tokens_per_answer=5.0,
                measured_at=NOW + at,
            )
            beliefs.record(standing, NOW)
        unsure = TaskKind({**dict.fromkeys(SKILLS, 0.15), OTHER: 0.25})
        assert names(rank(beliefs, [calc, general])) == ["calc", "general"]
        assert names(rank(beliefs, [calc, general], TaskFeatures(kind=unsure)))[0] == "general"


class TestAbility:
    @pytest.mark.parametrize(
        ("need", "ability"),
        [
            ({"operation": "embed"}, {"operations": ("embed",)}),
            ({"needs_vision": True}, {"has_vision": True}),
            ({"needs_tools": True}, {"has_tools": True}),
            ({"needs_logprobs": True}, {"has_logprobs": True}),
            ({"prompt_bytes": 6000}, {"context_length": 8000}),
        ],
    )
    def test_who_lacks_what_the_task_needs_is_never_asked(
        self, need: dict[str, object], ability: dict[str, object]
    ) -> None:
        unable = offer("unable", context_length=1000)
        able = offer("able", **ability)
        features = TaskFeatures(kind=ARITHMETIC, **need)  # pyright: ignore[reportArgumentType]
        assert names(rank(Beliefs(ME), [unable, able], features)) == ["able"]
        assert rank(Beliefs(ME), [unable], features) == ()

    def test_who_may_be_too_small_for_the_prompt_comes_after_who_surely_is_not(self) -> None:
        beliefs = Beliefs(ME)
        small = measured(beliefs, offer("small", context_length=256), 24)
        large = measured(beliefs, offer("large", context_length=4096), 6)
        features = TaskFeatures(kind=ARITHMETIC, prompt_bytes=300)
        assert names(rank(beliefs, [small, large], features)) == ["large", "small"]

    def test_vectors_of_one_model_are_preferred_whatever_the_load(self) -> None:
        busy = ModelLoad(running=9, parallel=1)
        router = StandingRouter(Beliefs(ME))
        ours = offer("minilm", load=busy, operations=("embed",))
        other = offer("other", operations=("embed",))
        features = TaskFeatures(kind=TaskKind.certain(OTHER), operation="embed")
        for _ in range(3):
            router.learn(failure("minilm", EngineError("Broken.")))
        for seed in range(20):
            assert names(rank(router, [other, ours], features, seed=seed))[0] == "minilm"


class TestTimeAndMoney:
    def test_of_two_equally_good_models_the_quicker_goes_first(self) -> None:
        beliefs = Beliefs(ME)
        slow = measured(beliefs, offer("slow"), 23, latency_s=0.05)
        quick = measured(beliefs, offer("quick"), 23, latency_s=0.01)
        assert names(rank(beliefs, [slow, quick])) == ["quick", "slow"]

    def test_a_queue_makes_a_model_slower(self) -> None:
        beliefs = Beliefs(ME)
        queued = ModelLoad(running=1, waiting=9, parallel=1)
        busy = measured(beliefs, offer("busy", load=queued), 23, latency_s=0.01)
        idle = measured(beliefs, offer("idle"), 23, latency_s=0.05)
        ranked = rank(beliefs, [busy, idle])
        assert names(ranked) == ["idle", "busy"]
        assert ranked[1].latency_s == pytest.approx(0.11)

    def test_preferences_trade_quality_against_time_and_money(self) -> None:
        beliefs = Beliefs(ME)
        best = offer("best", price=Price(10.0, 30.0))
        fast = offer("fast", price=Price(1.0, 1.0))
        cheap = offer("cheap", parameters=10**9)
        measured(beliefs, best, 98, asked=100, latency_s=4.0)
        measured(beliefs, fast, 92, asked=100, latency_s=0.2)
        measured(beliefs, cheap, 91, asked=100, latency_s=3.0)
        features = TaskFeatures(kind=ARITHMETIC, prompt_bytes=2000)
        first = {p: names(rank(beliefs, [best, fast, cheap], features, p))[0] for p in PREFERENCES}
        assert first["auto:best"] == "best"
        assert first["auto:fast"] == "fast"
        assert first["auto:cheap"] == "cheap"

    def test_a_price_is_paid_by_token_and_an_answer_is_no_longer_than_allowed(self) -> None:
        paid = offer("paid", price=Price(2.0, 8.0))
        (unbounded,) = rank(Beliefs(ME), [paid], TaskFeatures(kind=ARITHMETIC, prompt_bytes=399))
        assert unbounded.cost_usd == pytest.approx((100 * 2 + 256 * 8) / 1e6)
        short = TaskFeatures(kind=ARITHMETIC, prompt_bytes=399, max_tokens=10)
        assert rank(Beliefs(ME), [paid], short)[0].cost_usd == pytest.approx((200 + 80) / 1e6)

    def test_a_metered_model_without_a_price_is_taken_for_a_dear_one(self) -> None:
        untold, told = offer("untold", is_metered=True), offer("told", price=Price(0.1, 0.4))
        free = offer("free")
        ranked = rank(Beliefs(ME), [untold, told, free], preference="auto:cheap")
        assert [scored.candidate.card.name for scored in ranked] == ["free", "told", "untold"]

    def test_a_free_model_costs_its_arithmetic(self) -> None:
        small, large = offer("small", parameters=10**6), offer("large", parameters=10**9)
        ranked = rank(Beliefs(ME), [large, small], preference="auto:cheap")
        costs = {scored.candidate.card.name: scored.cost_usd for scored in ranked}
        assert costs["large"] == pytest.approx(1000 * costs["small"])

    def test_nobody_is_paid_for_being_asked(self) -> None:
        for card in ({"price": Price(-1e6, -1e6)}, {"parameters": -(10**15)}):
            assert rank(Beliefs(ME), [offer("trickster", **card)])[0].cost_usd == 0.0


class TestReplicas:
    def test_equal_replicas_share_the_work(self) -> None:
        beliefs = Beliefs(ME)
        for node, right in (("a", 24), ("b", 23), ("c", 24)):
            measured(beliefs, offer("calc", node), right)
        replicas = [offer("calc", node) for node in ("a", "b", "c")]
        first = Counter(rank(beliefs, replicas, seed=s)[0].candidate.node for s in range(300))
        assert min(first[NodeId(node)] for node in ("a", "b", "c")) > 60

    def test_an_idle_replica_goes_before_a_busy_one(self) -> None:
        beliefs = Beliefs(ME)
        busy = measured(beliefs, offer("calc", "a", ModelLoad(1, 0, 1)), 24)
        idle = measured(beliefs, offer("calc", "b"), 23)
        assert all(rank(beliefs, [busy, idle], seed=s)[0].candidate.node == "b" for s in range(50))

    def test_a_bad_replica_gets_nothing_from_its_name(self) -> None:
        beliefs = Beliefs(ME)
        good = measured(beliefs, offer("calc", "good"), 24)
        bad = measured(beliefs, offer("calc", "bad"), 12)
        unmeasured = offer("calc", "new")
        other = measured(beliefs, offer("other", "good"), 20)
        ranked = rank(beliefs, [bad, unmeasured, other, good])
        nodes = [(s.candidate.card.name, s.candidate.node) for s in ranked]
        assert nodes[:2] == [("calc", "good"), ("other", "good")]


class TestLearning:
    def test_a_model_that_failed_comes_last_until_it_has_rested(self) -> None:
        beliefs = Beliefs(ME)
        best = measured(beliefs, offer("best"), 24)
        rest = measured(beliefs, offer("rest"), 2)
        router = StandingRouter(beliefs)
        router.learn(failure("best", EngineError("Broken.")))
        ranked = rank(router, [best, rest])
        assert names(ranked) == ["rest", "best"]
        assert "failures in a row: 1" in ranked[1].because
        assert names(rank(router, [best, rest], now=NOW + 1)) == ["best", "rest"]

    def test_an_overloaded_model_rests_as_long_as_it_said(self) -> None:
        router = StandingRouter(Beliefs(ME))
        both = [offer("a", skills=claiming("arithmetic")), offer("b", skills=claiming("text"))]
        router.learn(failure("a", OverloadedError("Full.", retry_after_s=3.0)))
        assert names(rank(router, both, now=NOW + 2.9)) == ["b", "a"]
        assert names(rank(router, both, now=NOW + 3)) == ["a", "b"]

    def test_a_whole_answer_ends_the_rest_an_abandoned_one_does_not(self) -> None:
        router = StandingRouter(Beliefs(ME))
        both = [offer("a", skills=claiming("arithmetic")), offer("b", skills=claiming("text"))]
        router.learn(failure("a", EngineError("Broken.")))
        abandoned = Outcome(node=NodeId("n"), model="a", kind=ARITHMETIC, at=NOW)
        router.learn(abandoned)
        assert names(rank(router, both)) == ["b", "a"]
        router.learn(
            Outcome(node=NodeId("n"), model="a", kind=ARITHMETIC, at=NOW, timing=QUICK, tokens=3)
        )
        assert names(rank(router, both)) == ["a", "b"]

    def test_the_askers_fault_is_not_held_against_a_model(self) -> None:
        router = StandingRouter(Beliefs(ME))
        both = [offer("a", skills=claiming("arithmetic")), offer("b", skills=claiming("text"))]
        router.learn(failure("a", InvalidRequestError("Empty.")))
        assert names(rank(router, both)) == ["a", "b"]

    def test_speed_is_learned_without_the_time_in_the_queue(self) -> None:
        router = StandingRouter(Beliefs(ME))
        router.learn(
            Outcome(
                node=NodeId("n"),
                model="a",
                kind=ARITHMETIC,
                at=NOW,
                timing=Timing(0.6, 0.5),
                tokens=8,
                wait_factor=2.0,
            )
        )
        assert rank(router, [offer("a")])[0].latency_s == pytest.approx(0.2)

    def test_for_a_short_answer_the_first_token_counts_for_a_long_one_the_rate(self) -> None:
        beliefs = Beliefs(ME)
        router = StandingRouter(beliefs)
        both = [offer("prompt"), offer("fluent")]
        beliefs.observe_speed(NodeId("n"), "prompt", Timing(40.2, 0.2, 25.0), 1000)
        beliefs.observe_speed(NodeId("n"), "fluent", Timing(14.0, 4.0, 100.0), 1000)
        for max_tokens, first in ((10, "prompt"), (1000, "fluent"), (None, "fluent")):
            features = TaskFeatures(kind=ARITHMETIC, prompt_bytes=21, max_tokens=max_tokens)
            assert names(rank(router, both, features=features, preference="auto:fast"))[0] == first

    def test_a_model_that_keeps_its_time_has_a_shorter_tail_than_a_moody_one(self) -> None:
        router = StandingRouter(Beliefs(ME))
        for times, model in (((0.2, 0.2), "steady"), ((0.1, 0.3), "moody")):
            for took_s in times * 20:
                outcome = Outcome(
                    node=NodeId("n"),
                    model=model,
                    kind=ARITHMETIC,
                    at=NOW,
                    timing=Timing(took_s, took_s),
                    tokens=5,
                )
                router.learn(outcome)
        told = {
            s.candidate.card.name: s.latency
            for s in rank(router, [offer("steady"), offer("moody")])
        }
        steady, moody = told["steady"], told["moody"]
        assert steady is not None
        assert moody is not None
        assert steady.p95 < 1.3 * steady.p50
        assert moody.p95 > 1.8 * moody.p50
        assert rank(router, [offer("unmet")])[0].latency is None

    def test_time_of_an_embedding_says_nothing_of_chats(self) -> None:
        router = StandingRouter(Beliefs(ME))
        router.learn(
            Outcome(
                node=NodeId("n"),
                model="a",
                kind=ARITHMETIC,
                at=NOW,
                operation="embed",
                timing=Timing(5.0, 5.0),
            )
        )
        assert rank(router, [offer("a")])[0].latency_s is None
        assert router.speed(offer("a"), NOW) == NEVER_MEASURED

    def test_verdicts_change_who_is_asked(self) -> None:
        router = StandingRouter(Beliefs(ME))
        both = [offer("a", skills=claiming("arithmetic")), offer("b")]
        assert names(rank(router, both)) == ["a", "b"]
        for _ in range(4):
            router.learn(Outcome(node=NodeId("n"), model="a", kind=ARITHMETIC, at=NOW, p_right=0.0))
        assert names(rank(router, both)) == ["b", "a"]

    def test_failures_remembered_are_bounded(self) -> None:
        router = StandingRouter(Beliefs(ME))
        for i in range(4097):
            router.learn(failure(f"m{i}", EngineError("Broken.")))
        first, last = offer("m0"), offer("m4096")
        assert names(rank(router, [last, first])) == ["m0", "m4096"]


class TestBecause:
    def test_a_measured_model(self) -> None:
        beliefs = Beliefs(ME)
        calc = measured(beliefs, offer("calc", parameters=640_000), 24, latency_s=0.006)
        expected = "0.95 right on arithmetic (24 questions), 6 ms, 0.6 M parameters"
        assert rank(beliefs, [calc])[0].because == expected

    def test_a_model_that_only_claims(self) -> None:
        calc = offer("calc", skills=claiming("arithmetic"))
        because = rank(Beliefs(ME), [calc])[0].because
        assert because == "claims arithmetic, not measured yet, speed not measured yet"

    def test_a_slow_paid_model_without_a_claim(self) -> None:
        beliefs = Beliefs(ME)
        cloud = offer("cloud", price=Price(0.0, 8.0))
        measured(beliefs, cloud, 24, skill="text", latency_s=2.5)
        because = rank(beliefs, [cloud])[0].because
        assert because == "0.40 expected, not measured on arithmetic, 2.5 s, $4e-05 an answer"

    def test_a_task_of_no_exam(self) -> None:
        features = TaskFeatures(kind=TaskKind.certain(OTHER))
        because = rank(Beliefs(ME), [offer("m")], features)[0].because
        assert because == "0.40 expected where no exam asks, speed not measured yet"


offers = st.builds(
    offer,
    st.sampled_from(["a", "b", "c"]),
    st.sampled_from(["n1", "n2", "n3"]),
    st.builds(ModelLoad, st.integers(0, 5), st.integers(0, 5), st.integers(1, 4)),
    operations=st.sampled_from([("chat",), ("chat", "embed"), ("embed",)]),
    context_length=st.sampled_from([None, 2, 16, 4096]),
    parameters=st.sampled_from([None, 10**6, 10**9]),
    skills=st.sampled_from([(), claiming("arithmetic"), claiming("text", "facts")]),
)
candidate_lists = st.lists(offers, max_size=8, unique_by=lambda o: o.key)


class TestInvariants:
    @given(candidate_lists, st.integers(), st.sampled_from(["chat", "embed"]))
    def test_a_ranking_is_a_permutation_of_the_able(
        self, candidates: list[Offer], seed: int, operation: str
    ) -> None:
        features = asking_for(operation)
        ranked = [s.candidate for s in rank(Beliefs(ME), candidates, features, seed=seed)]
        able = [
            c for c in candidates if operation in c.card.operations and c.card.context_length != 2
        ]
        assert sorted(o.key for o in ranked) == sorted(o.key for o in able)

    @given(candidate_lists, st.integers())
    def test_the_same_seed_gives_the_same_ranking(self, candidates: list[Offer], seed: int) -> None:
        once, again = (rank(Beliefs(ME), candidates, seed=seed) for _ in range(2))
        assert once == again

    @given(
        st.lists(st.integers(0, 24), min_size=2, max_size=6),
        st.integers(0, 5),
        st.integers(),
        st.sampled_from(sorted(PREFERENCES)),
        st.booleans(),
    )
    def test_more_right_answers_never_lower_the_rank(
        self, rights: list[int], which: int, seed: int, preference: str, same_name: bool
    ) -> None:
        which %= len(rights)
        candidates = [offer("m" if same_name else f"m{i}", f"n{i}") for i in range(len(rights))]
        places: list[int] = []
        for right in (rights[which], min(24, rights[which] + 1)):
            beliefs = Beliefs(ME)
            rights[which] = right
            for candidate, count in zip(candidates, rights, strict=True):
                measured(beliefs, candidate, count)
            ranked = rank(beliefs, candidates, preference=preference, seed=seed)
            places.append([s.candidate for s in ranked].index(candidates[which]))
        assert places[1] <= places[0]

    def test_a_longer_queue_never_raises_the_rank(self) -> None:
        beliefs = Beliefs(ME)
        for node in ("a", "b"):
            measured(beliefs, offer("calc", node), 24)
        for seed in range(20):
            places: list[int] = []
            for waiting in range(6):
                queued = offer("calc", "a", ModelLoad(1, waiting, 2))
                ranked = rank(beliefs, [queued, offer("calc", "b")], seed=seed)
                places.append([s.candidate.node for s in ranked].index(NodeId("a")))
            assert places == sorted(places)


def asking_for(operation: str) -> TaskFeatures:
    return TaskFeatures(kind=ARITHMETIC, operation=operation, prompt_bytes=12)  # pyright: ignore[reportArgumentType]


def test_a_preference_is_what_a_second_and_a_dollar_are_worth() -> None:
    assert PREFERENCES["auto"] == Preference(p_per_second=0.01, p_per_dollar=5.0)
    assert msgspec.json.encode(sorted(PREFERENCES)) == (
        b'["auto","auto:best","auto:cheap","auto:fast"]'
    )
