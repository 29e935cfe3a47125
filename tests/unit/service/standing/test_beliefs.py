"""What is believed of models, and on whose word."""

import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelnet.core.card import Artifact, ModelCard, Skill
from modelnet.core.identity import NodeId
from modelnet.core.standing import NEVER_MEASURED, Standing, Tally
from modelnet.service.change import Change
from modelnet.service.kind import KINDS, OTHER, TaskKind
from modelnet.service.skill import SKILLS
from modelnet.service.standing import HALF_LIFE_S, Beliefs
from modelnet.service.timing import Timing

ME, OWNER = NodeId("me"), NodeId("owner")
NOW = 1_000_000.0
ARITHMETIC = TaskKind.certain("arithmetic")
SILENT = ModelCard(name="m", operations=("chat",), engine="scripted")
CLAIMANT = msgspec.structs.replace(SILENT, skills=(Skill("arithmetic", "Arithmetic"),))

tallies = st.integers(0, 50).flatmap(
    lambda asked: st.integers(0, asked).map(lambda right: Tally(right, asked))
)


def told(examiner: str, right: float, asked: float, **fields: object) -> Standing:
    standing = Standing(
        examiner=NodeId(examiner),
        node=OWNER,
        model="m",
        skills={"arithmetic": Tally(right, asked)},
        latency_s=0.1,
        tokens_per_answer=5.0,
        measured_at=NOW,
    )
    return msgspec.structs.replace(standing, **fields)


def believing(*standings: Standing, now: float = NOW) -> Beliefs:
    beliefs = Beliefs(ME)
    for standing in standings:
        beliefs.record(standing, now)
    return beliefs


def evidence(beliefs: Beliefs, now: float = NOW) -> Tally:
    return beliefs.tallies(OWNER, "m", now).get("arithmetic", Tally())


class TestWhoseWord:
    def test_own_measurements_count_in_full(self) -> None:
        assert evidence(believing(told("me", 9, 10))) == Tally(9, 10)

    def test_others_count_half(self) -> None:
        assert evidence(believing(told("eve", 9, 10))) == Tally(4.5, 5)

    def test_all_others_together_are_capped(self) -> None:
        crowd = [told(f"crowd{i}", 60, 60) for i in range(8)]
        assert evidence(believing(*crowd)) == Tally(32, 32)
        assert evidence(believing(told("me", 24, 24), *crowd)).asked == pytest.approx(24 + 32)

    def test_a_crowd_that_contradicts_own_experience_counts_nothing(self) -> None:
        crowd = [told(f"colluder{i}", 60, 60) for i in range(8)]
        pooled = evidence(believing(told("me", 0, 24), *crowd))
        assert pooled.right == pytest.approx(0, abs=1e-6)
        assert pooled.asked == pytest.approx(24)

    def test_one_report_is_capped_whatever_number_it_names(self) -> None:
        boast = believing(told("liar", 1e12, 1e12), told("honest", 0, 64))
        assert evidence(boast).mean() == pytest.approx(0.5)

    def test_an_owners_word_on_its_own_model_counts_nothing(self) -> None:
        assert evidence(believing(told(OWNER, 99, 99))) == Tally()

    def test_a_nodes_own_measurement_of_its_own_model_is_its_own_truth(self) -> None:
        beliefs = believing(told("me", 3, 4, node=ME))
        assert beliefs.tallies(ME, "m", NOW) == {"arithmetic": Tally(3, 4)}

    def test_a_model_of_the_same_name_elsewhere_shares_nothing(self) -> None:
        beliefs = believing(told("me", 9, 10))
        assert beliefs.tallies(NodeId("pretender"), "m", NOW) == {}

    def test_skills_nobody_examines_are_dropped(self) -> None:
        standing = told("me", 1, 1, skills={"juggling": Tally(9, 9)})
        report = msgspec.structs.replace(standing, examiner=NodeId("eve"))
        assert believing(standing, report).tallies(OWNER, "m", NOW) == {}

    @pytest.mark.parametrize(
        "nonsense",
        [
            {"skills": {"arithmetic": Tally(5, 4)}},
            {"skills": {"arithmetic": Tally(-1, 4)}},
            {"skills": {"arithmetic": Tally(math.nan, 4)}},
            {"skills": {"arithmetic": Tally(math.inf, math.inf)}},
            {"latency_s": math.nan},
            {"latency_s": -1.0},
            {"tokens_per_answer": math.inf},
            {"first_token_s": math.nan},
            {"tokens_per_s": math.inf},
            {"tokens_per_s": -1.0},
            {"measured_at": math.nan},
        ],
    )
    def test_numbers_that_cannot_be_true_change_nothing(self, nonsense: dict[str, object]) -> None:
        beliefs = believing(told("eve", 1, 2, **nonsense))
        assert beliefs.belief(OWNER, SILENT, NOW) == Beliefs(ME).belief(OWNER, SILENT, NOW)


class TestTime:
    def test_evidence_fades_by_half_in_a_half_life(self) -> None:
        own, report = believing(told("me", 8, 10)), believing(told("eve", 8, 10))
        assert evidence(own, NOW + HALF_LIFE_S) == Tally(4, 5)
        assert evidence(report, NOW + HALF_LIFE_S) == Tally(2, 2.5)

    def test_a_newer_report_of_an_examiner_replaces_the_older_never_the_reverse(self) -> None:
        newer = told("eve", 0, 20, measured_at=NOW + 1)
        assert evidence(believing(told("eve", 20, 20), newer, now=NOW + 1)).right == 0
        late = believing(newer, told("eve", 20, 20), now=NOW + 1)
        assert evidence(late, NOW + 1).right == 0

    def test_a_clock_that_runs_ahead_makes_no_report_immortal(self) -> None:
        beliefs = believing(told("eve", 20, 20, measured_at=NOW + 1e9))
        beliefs.record(told("eve", 0, 20, measured_at=NOW + 60), NOW + 60)
        assert evidence(beliefs, NOW + 60).right == 0

    def test_own_exams_add_up_and_the_same_one_counts_once(self) -> None:
        first, second = told("me", 8, 10), told("me", 6, 10, measured_at=NOW + 1)
        pooled = evidence(believing(first, first, second, first), NOW + 1)
        assert pooled.right == pytest.approx(14, rel=1e-4)
        assert pooled.asked == pytest.approx(20, rel=1e-4)

    def test_a_belief_is_not_computed_again_until_something_changed(self) -> None:
        beliefs = believing(told("me", 8, 10))
        first = beliefs.belief(OWNER, SILENT, NOW)
        assert beliefs.belief(OWNER, SILENT, NOW + 59) is first
        assert beliefs.belief(OWNER, CLAIMANT, NOW + 59) != first
        assert beliefs.belief(OWNER, SILENT, NOW + 121) is not first
        current = beliefs.belief(OWNER, SILENT, NOW + 121)
        beliefs.record(told("eve", 0, 10), NOW + 121)
        assert beliefs.belief(OWNER, SILENT, NOW + 121) != current


class TestSenders:
    """Reports weigh as much as their sender's earlier ones agreed with what was measured here."""

    @staticmethod
    def after(count: int, told_right: float) -> Tally:
        """What a report counts whose sender said this of models that are .9 right."""
        beliefs = Beliefs(ME)
        for number in range(count):
            name = f"known{number}"
            beliefs.record(told("me", 18, 20, model=name), NOW)
            beliefs.record(told("eve", told_right, 20, model=name), NOW)
        beliefs.record(told("eve", 9, 10), NOW)
        return evidence(beliefs)

    def test_who_was_right_counts_more_than_half(self) -> None:
        assert self.after(10, 18).asked > 8.5

    def test_who_was_off_counts_nothing(self) -> None:
        assert self.after(10, 2).asked == 0

    def test_the_order_of_the_report_and_the_experience_does_not_matter(self) -> None:
        reports = told("me", 18, 20), told("eve", 2, 20), told("eve", 9, 10, node=NodeId("n"))
        weights = [
            believing(*ordered).tallies(NodeId("n"), "m", NOW)["arithmetic"].asked
            for ordered in (reports, (reports[1], reports[0], reports[2]))
        ]
        assert weights[0] == weights[1] < 5

    def test_an_answer_of_ones_own_tests_a_sender_too(self) -> None:
        beliefs = believing(told("eve", 20, 20), told("eve", 9, 10, node=NodeId("n")))
        for _ in range(20):
            beliefs.observe(OWNER, "m", ARITHMETIC, 0.0, NOW)
        assert beliefs.tallies(NodeId("n"), "m", NOW)["arithmetic"].asked < 5

    def test_a_report_that_is_newer_than_own_experience_may_tell_of_a_change(self) -> None:
        day = 86_400.0
        newer = told("eve", 0, 10, measured_at=NOW + day)
        beliefs = believing(told("me", 20, 20), newer, now=NOW + day)
        assert evidence(beliefs, NOW + day) == Tally(10, 15)


class TestChange:
    @staticmethod
    def fallen(*reports: Standing, kind: TaskKind = ARITHMETIC) -> tuple[Beliefs, list[Change]]:
        changes: list[Change] = []
        beliefs = Beliefs(ME, tell=changes.append)
        for standing in (told("me", 90, 100), *reports):
            beliefs.record(standing, NOW)
        for second in range(20):
            if not changes:
                beliefs.observe(OWNER, "m", kind, 0.0, NOW + 1 + second)
        return beliefs, changes

    def test_a_fall_is_told_once_with_what_was_seen(self) -> None:
        _, [change] = self.fallen()
        assert (change.node, change.model, change.direction) == (OWNER, "m", "worse")
        assert change.before == pytest.approx(0.9, abs=1e-3)
        assert (change.since, change.kept) == (0.0, 0.0)
        assert change.answers < 10

    def test_old_evidence_gives_way_and_new_evidence_stays(self) -> None:
        beliefs, [change] = self.fallen()
        left = evidence(beliefs, NOW + 21)
        assert left.right == pytest.approx(0, abs=1e-6)
        assert left.asked == pytest.approx(change.answers, rel=0.01)

    def test_kinds_not_asked_since_are_no_longer_sure_either(self) -> None:
        both = told("me", 0, 0, skills={"text": Tally(90, 100)}, measured_at=NOW + 0.5)
        beliefs, changes = self.fallen(both)
        assert changes
        assert "text" not in beliefs.tallies(OWNER, "m", NOW + 21)

    def test_reports_of_before_give_way_and_those_of_after_count(self) -> None:
        beliefs, _ = self.fallen(told("eve", 18, 20))
        assert evidence(beliefs, NOW + 21).right < 1
        beliefs.record(told("eve", 0, 20, measured_at=NOW + 30), NOW + 30)
        assert evidence(beliefs, NOW + 30).asked > 10

    def test_an_exam_can_show_it_too(self) -> None:
        changes: list[Change] = []
        beliefs = Beliefs(ME, tell=changes.append)
        beliefs.record(told("me", 23, 24), NOW)
        beliefs.record(told("me", 3, 12, measured_at=NOW + 60), NOW + 60)
        assert [change.direction for change in changes] == ["worse"]
        assert evidence(beliefs, NOW + 60).mean() < 0.45

    def test_claims_are_no_rate_that_answers_are_held_against(self) -> None:
        changes: list[Change] = []
        beliefs = Beliefs(ME, tell=changes.append)
        beliefs.belief(OWNER, CLAIMANT, NOW)
        for _ in range(7):
            beliefs.observe(OWNER, "m", ARITHMETIC, 0.0, NOW)
        beliefs.observe(OWNER, "m", ARITHMETIC, 0.0, NOW)
        assert changes == []

    def test_after_a_change_all_is_watched_anew(self) -> None:
        beliefs, changes = self.fallen()
        for second in range(60):
            beliefs.observe(OWNER, "m", ARITHMETIC, 1.0, NOW + 60 + second)
        assert [change.direction for change in changes] == ["worse", "better"]


class TestLikeness:
    DIGEST = "a" * 64

    def card(self, name: str, **fields: object) -> ModelCard:
        return msgspec.structs.replace(SILENT, name=name, **fields)

    def knowing(self, card: ModelCard, rate: float) -> Beliefs:
        beliefs = believing(told("me", 40 * rate, 40, model=card.name))
        beliefs.belief(OWNER, card, NOW)
        return beliefs

    def guess(self, beliefs: Beliefs, card: ModelCard, node: str = "new") -> float:
        return beliefs.belief(NodeId(node), card, NOW).kinds["arithmetic"].mean

    def test_a_newcomer_of_a_known_file_is_expected_to_be_like_it(self) -> None:
        made_of = Artifact(self.DIGEST, 1, "gguf")
        beliefs = self.knowing(self.card("known", artifact=made_of), 0.95)
        guess = self.guess(beliefs, self.card("other", artifact=made_of))
        assert guess == pytest.approx(0.4 + 0.75 * (39 / 42 - 0.4))

    def test_and_so_is_one_of_the_same_family_and_size(self) -> None:
        beliefs = self.knowing(self.card("owl-7b-q4_k_m", parameters=7_240_000_000), 0.05)
        alike = self.card("Lab/Owl-7B", parameters=7_241_000_000)
        assert self.guess(beliefs, alike) == pytest.approx(0.4 + 0.5 * (3 / 42 - 0.4))
        assert self.guess(beliefs, self.card("owl-7b")) == pytest.approx(0.4)
        assert self.guess(beliefs, self.card("owl", parameters=10**9)) == pytest.approx(0.4)

    def test_a_lying_name_is_worth_two_questions(self) -> None:
        famous = self.card("owl-7b", parameters=7_000_000_000)
        beliefs = self.knowing(famous, 0.95)
        assert self.guess(beliefs, famous, "liar") > 0.6
        beliefs.record(told("me", 0, 2, node=NodeId("liar"), model="owl-7b"), NOW)
        assert self.guess(beliefs, famous, "liar") < 0.35
        beliefs.record(
            told("me", 0, 10, node=NodeId("liar"), model="owl-7b", measured_at=NOW + 1), NOW + 1
        )
        assert self.guess(beliefs, famous, "liar") < 0.1

    def test_a_node_does_not_vouch_for_itself(self) -> None:
        beliefs = self.knowing(self.card("owl-7b", parameters=7_000_000_000), 0.95)
        twin = self.card("owl-7b-q8_0", parameters=7_000_000_000)
        assert self.guess(beliefs, twin, OWNER) == pytest.approx(0.4)

    def test_what_was_forgotten_is_like_nobody(self) -> None:
        famous = self.card("owl-7b", parameters=7_000_000_000)
        beliefs = self.knowing(famous, 0.95)
        beliefs.forget(OWNER)
        assert self.guess(beliefs, famous) == pytest.approx(0.4)


class TestClaims:
    def test_a_claim_is_a_prior_that_two_questions_outweigh(self) -> None:
        unmeasured = Beliefs(ME).belief(OWNER, CLAIMANT, NOW).kinds
        assert unmeasured["arithmetic"].mean == pytest.approx(0.6)
        assert unmeasured["arithmetic"].asked == 0
        wrong_twice = believing(told("me", 0, 2)).belief(OWNER, CLAIMANT, NOW).kinds
        assert wrong_twice["arithmetic"].mean == pytest.approx(0.3)

    def test_a_specialist_is_expected_to_know_little_else(self) -> None:
        kinds = Beliefs(ME).belief(OWNER, CLAIMANT, NOW).kinds
        assert kinds["text"].mean == pytest.approx(0.2)

    def test_a_model_that_claims_nothing_is_expected_in_between(self) -> None:
        kinds = Beliefs(ME).belief(OWNER, SILENT, NOW).kinds
        assert [kinds[skill].mean for skill in SKILLS] == pytest.approx([0.4] * len(SKILLS))

    def test_where_no_exam_asks_a_model_is_expected_to_be_as_good_as_on_average(self) -> None:
        skilled = told("me", 0, 0, skills=dict.fromkeys(SKILLS, Tally(98, 98)))
        generalist = believing(skilled).belief(OWNER, SILENT, NOW)
        specialist = believing(told("me", 98, 98)).belief(OWNER, CLAIMANT, NOW)
        assert generalist.kinds[OTHER].mean > 0.95
        assert specialist.kinds[OTHER].mean < 0.4


class TestVerdicts:
    def test_a_verdict_is_shared_among_the_kinds_a_task_may_have_been_of(self) -> None:
        beliefs = Beliefs(ME)
        unsure = TaskKind({**dict.fromkeys(KINDS, 0.0), "text": 0.75, OTHER: 0.25})
        beliefs.observe(OWNER, "m", unsure, 0.8, NOW)
        pooled = beliefs.tallies(OWNER, "m", NOW)
        assert set(pooled) == {"text", OTHER}
        assert pooled["text"].right == pytest.approx(0.6)
        assert pooled[OTHER] == Tally(0.2, 0.25)

    def test_verdicts_out_of_order_do_not_turn_time_back(self) -> None:
        beliefs = Beliefs(ME)
        beliefs.observe(OWNER, "m", ARITHMETIC, 1.0, NOW)
        beliefs.observe(OWNER, "m", ARITHMETIC, 1.0, NOW - 60)
        assert evidence(beliefs, NOW) == Tally(2, 2)


class TestSpeed:
    def test_unmeasured_is_unknown(self) -> None:
        belief = Beliefs(ME).belief(OWNER, SILENT, NOW)
        assert belief.speed == NEVER_MEASURED
        assert belief.expected_s("chat", 10) is None

    def test_others_reports_give_a_median(self) -> None:
        reports = [told(f"e{i}", 1, 1, latency_s=t) for i, t in enumerate((0.1, 9.0, 0.2))]
        belief = believing(*reports).belief(OWNER, SILENT, NOW)
        assert (belief.speed.latency_s, belief.speed.tokens_per_answer) == (0.2, 5.0)

    def test_reports_of_before_and_of_now_go_together(self) -> None:
        rates = (None, 100.0, None, 50.0, 60.0)
        reports = [
            told(f"e{i}", 1, 1, first_token_s=r and r / 1000, tokens_per_s=r)
            for i, r in enumerate(rates)
        ]
        speed = believing(*reports).belief(OWNER, SILENT, NOW).speed
        assert (speed.latency_s, speed.first_token_s, speed.tokens_per_s) == (0.1, 0.06, 60.0)

    def test_a_short_answer_takes_less_than_a_long_one(self) -> None:
        beliefs = Beliefs(ME)
        beliefs.observe_speed(OWNER, "m", Timing(10.0, 1.0, 11.0), 100)
        belief = beliefs.belief(OWNER, SILENT, NOW)
        assert belief.expected_s("chat", None) == pytest.approx(10.0)
        assert belief.expected_s("chat", 1000) == pytest.approx(10.0)
        assert belief.expected_s("complete", 12) == pytest.approx(2.0)
        assert belief.expected_s("chat", 1) == pytest.approx(1.0)

    def test_without_a_rate_all_answers_take_as_long(self) -> None:
        beliefs = Beliefs(ME)
        beliefs.observe_speed(OWNER, "m", Timing(10.0, 1.0, None), 100)
        assert beliefs.belief(OWNER, SILENT, NOW).expected_s("chat", 1) == 10.0

    def test_what_was_not_seen_this_time_stays_known(self) -> None:
        beliefs = Beliefs(ME)
        beliefs.observe_speed(OWNER, "m", Timing(10.0, 1.0, 11.0), 100)
        beliefs.observe_speed(OWNER, "m", Timing(1.0, 1.0, None), 1)
        speed = beliefs.belief(OWNER, SILENT, NOW).speed
        assert (speed.tokens_per_s, speed.first_token_s) == (11.0, 1.0)
        assert speed.latency_s == pytest.approx(8.2)

    def test_an_answer_changes_the_belief_of_speed_and_of_nothing_else(self) -> None:
        beliefs = believing(told("me", 8, 10))
        before = beliefs.belief(OWNER, SILENT, NOW)
        beliefs.observe_speed(OWNER, "m", Timing(2.0, 1.0, 11.0), 10)
        beliefs.observe_call(OWNER, "m", "embed", 0.2)
        after = beliefs.belief(OWNER, SILENT, NOW + 1)
        assert after.kinds is before.kinds
        assert after.speed.tokens_per_s == 11.0
        assert after.expected_s("embed", None) == 0.2
        assert before.expected_s("embed", None) is None

    def test_answers_of_one_chunk_say_nothing_of_those_that_stream(self) -> None:
        beliefs = believing(told("me", 1, 1, latency_s=5.0))
        beliefs.observe_call(OWNER, "m", "embed", 0.2)
        beliefs.observe_call(OWNER, "m", "embed", 0.3)
        belief = beliefs.belief(OWNER, SILENT, NOW)
        assert belief.expected_s("embed", None) == pytest.approx(0.22)
        assert belief.expected_s("step", None) is None
        assert belief.expected_s("chat", None) == 5.0

    def test_own_measurement_goes_before_reports_and_moves_slowly(self) -> None:
        beliefs = believing(told("eve", 1, 1, latency_s=9.0), told("me", 1, 1, latency_s=1.0))
        assert beliefs.belief(OWNER, SILENT, NOW).speed.latency_s == 1.0
        beliefs.observe_speed(OWNER, "m", Timing(2.0, 1.0), 10)
        belief = beliefs.belief(OWNER, SILENT, NOW)
        assert belief.speed.latency_s == pytest.approx(1.2)
        assert belief.speed.tokens_per_answer == pytest.approx(6.0)

    def test_an_exam_without_a_single_answer_says_nothing_of_speed(self) -> None:
        beliefs = believing(told("me", 0, 9, latency_s=0.0), told("eve", 0, 9, latency_s=0.0))
        assert beliefs.belief(OWNER, SILENT, NOW).speed == NEVER_MEASURED


class TestLatency:
    def test_unmeasured_is_unknown(self) -> None:
        assert Beliefs(ME).belief(OWNER, SILENT, NOW).latency("chat", 10) is None

    def test_a_model_that_keeps_its_time_has_a_short_tail(self) -> None:
        tails = {}
        for name, times in (("steady", (1.0, 1.0)), ("moody", (0.4, 2.5))):
            beliefs = Beliefs(ME)
            for took_s in times * 40:
                beliefs.observe_speed(OWNER, "m", Timing(took_s, took_s), 10)
            latency = beliefs.belief(OWNER, SILENT, NOW).latency("chat", None)
            assert latency is not None
            tails[name] = latency.p95 / latency.p50
        assert tails["steady"] < 1.3
        assert tails["moody"] > 3

    def test_the_queue_lengthens_both(self) -> None:
        beliefs = Beliefs(ME)
        beliefs.observe_call(OWNER, "m", "embed", 0.2)
        belief = beliefs.belief(OWNER, SILENT, NOW)
        alone, queued = (belief.latency("embed", None, wait) for wait in (0.0, 2.0))
        assert alone is not None
        assert queued == pytest.approx((3 * alone.p50, 3 * alone.p95))


class TestBounds:
    def test_the_models_not_heard_of_for_longest_are_forgotten(self) -> None:
        beliefs = Beliefs(ME, capacity=2)
        for model in ("a", "b", "a", "c"):
            beliefs.observe(OWNER, model, ARITHMETIC, 1.0, NOW)
        assert beliefs.tallies(OWNER, "a", NOW)
        assert not beliefs.tallies(OWNER, "b", NOW)
        assert beliefs.tallies(OWNER, "c", NOW)

    def test_of_too_many_examiners_the_oldest_report_goes(self) -> None:
        reports = [told(f"e{i}", 4, 4, measured_at=NOW + i) for i in range(9)]
        pooled = evidence(believing(*reports, now=NOW + 9), NOW + 9)
        assert pooled.asked == pytest.approx(8 * 2, rel=1e-3)

    def test_a_node_can_be_forgotten(self) -> None:
        beliefs = believing(told("me", 1, 1), told("me", 1, 1, node=ME))
        beliefs.forget(OWNER)
        assert evidence(beliefs) == Tally()
        assert beliefs.tallies(ME, "m", NOW)


class TestInvariants:
    @given(tallies, tallies, st.floats(0, 10 * HALF_LIFE_S))
    def test_an_estimate_is_a_probability(self, own: Tally, other: Tally, age_s: float) -> None:
        beliefs = believing(told("me", *own_fields(own)), told("eve", *own_fields(other)))
        belief = beliefs.belief(OWNER, CLAIMANT, NOW + age_s)
        for kind in KINDS:
            estimate = belief.probability(TaskKind.certain(kind))
            assert estimate.mean == pytest.approx(belief.kinds[kind].mean)
            assert 0 < estimate.mean < 1
            assert 0 < estimate.deviation <= 0.5

    @given(st.integers(0, 29), st.sampled_from(["me", "eve"]))
    def test_one_more_right_answer_never_lowers_the_estimate(
        self, right: int, examiner: str
    ) -> None:
        means = [
            believing(told(examiner, n, 30)).belief(OWNER, SILENT, NOW).kinds["arithmetic"].mean
            for n in (right, right + 1)
        ]
        assert means[0] < means[1]

    @given(st.lists(st.floats(0.001, 1), min_size=len(KINDS), max_size=len(KINDS)))
    def test_a_mixture_lies_between_its_parts_and_is_less_certain(self, odds: list[float]) -> None:
        kind = TaskKind({k: odd / sum(odds) for k, odd in zip(KINDS, odds, strict=True)})
        belief = believing(told("me", 24, 24)).belief(OWNER, CLAIMANT, NOW)
        estimate = belief.probability(kind)
        means = [part.mean for part in belief.kinds.values()]
        assert min(means) - 1e-9 <= estimate.mean <= max(means) + 1e-9
        assert estimate.deviation >= min(part.deviation for part in belief.kinds.values()) - 1e-9


def own_fields(tally: Tally) -> tuple[float, float]:
    return tally.right, tally.asked


class TestOfWhomNothingWasMeasured:
    def test_a_guess_is_computed_once_in_a_while(self) -> None:
        beliefs = Beliefs(ME)
        guess = beliefs.belief(OWNER, CLAIMANT, NOW)
        assert beliefs.belief(OWNER, CLAIMANT, NOW + 1) is guess
        assert beliefs.belief(OWNER, CLAIMANT, NOW + 3600) is not guess
        assert beliefs.belief(NodeId("other"), CLAIMANT, NOW) is not guess

    def test_another_card_is_another_guess(self) -> None:
        beliefs = Beliefs(ME)
        beliefs.belief(OWNER, SILENT, NOW)
        assert beliefs.belief(OWNER, CLAIMANT, NOW).kinds["arithmetic"].mean > 0.5

    def test_what_is_measured_takes_its_place(self) -> None:
        beliefs = Beliefs(ME)
        beliefs.belief(OWNER, CLAIMANT, NOW)
        beliefs.observe(OWNER, "m", ARITHMETIC, 0.0, NOW)
        assert beliefs.belief(OWNER, CLAIMANT, NOW).kinds["arithmetic"].asked == 1.0
        beliefs.forget(OWNER)
        assert beliefs.belief(OWNER, CLAIMANT, NOW).kinds["arithmetic"].asked == 0.0

    def test_no_more_guesses_are_kept_than_models(self) -> None:
        beliefs = Beliefs(ME, capacity=2)
        first = beliefs.belief(NodeId("a"), SILENT, NOW)
        kept = [beliefs.belief(NodeId(node), SILENT, NOW) for node in "bc"]
        assert [beliefs.belief(NodeId(node), SILENT, NOW) for node in "bc"] == kept
        assert beliefs.belief(NodeId("a"), SILENT, NOW) is not first
