"""What the demo measured, and which promises were kept."""

import msgspec
import pytest

from modelnet.application.demo.result import (
    Asked,
    DemoResult,
    KilledMidAnswer,
    Side,
    accuracy_by_skill,
    broken_promises,
    percentile_ms,
    summary,
)
from modelnet.service.skill import Question

PARAMETERS = {"small": 1_000_000, "large": 3_000_000}


def asked(reply, *, answer="4", skill="arithmetic", latency_s=0.01, tokens=10, models=("small",)):
    question = Question(skill=skill, kind="add", prompt="2+2=", answer=answer, key="2+2")
    return Asked(question, reply, latency_s, tokens, models)


def result(**changes):
    kept = DemoResult(
        nodes=6,
        discovery_s=0.1,
        questions=200,
        generalist=Side(accuracy=0.6, p50_ms=20.0, cost=50.0),
        network=Side(accuracy=0.96, p50_ms=10.0, cost=15.0),
        killed_mid_answer=KilledMidAnswer(completed=True, gap_ms=12.0),
        joined_used_s=0.5,
    )
    return msgspec.structs.replace(kept, **changes)


def test_a_summary_counts_right_answers_time_and_parameter_tokens():
    side = summary(
        [
            asked("4", latency_s=0.010),
            asked("5", latency_s=0.030, models=("large",)),
            asked(" 4.", latency_s=0.020),
            asked("4", latency_s=0.040),
        ],
        PARAMETERS,
    )
    assert side == Side(accuracy=0.75, p50_ms=20.0, cost=15.0)


def test_an_answer_by_two_models_costs_both():
    assert summary([asked("4", models=("small", "large"))], PARAMETERS).cost == 40.0


@pytest.mark.parametrize(("fraction", "expected_ms"), [(0.5, 50.0), (0.95, 95.0), (0.0, 1.0)])
def test_a_percentile_is_a_latency_that_occurred(fraction, expected_ms):
    answers = [asked("4", latency_s=i / 1000) for i in range(100, 0, -1)]
    assert percentile_ms(answers, fraction) == pytest.approx(expected_ms)


def test_accuracy_is_told_skill_by_skill():
    answers = [asked("4"), asked("5"), asked("4", skill="text")]
    assert accuracy_by_skill(answers) == {"arithmetic": 0.5, "text": 1.0}


def test_a_demo_that_keeps_every_promise_breaks_none():
    assert broken_promises(result()) == ()


@pytest.mark.parametrize(
    "changes",
    [
        {"network": Side(accuracy=0.92, p50_ms=10.0, cost=15.0)},
        {"generalist": Side(accuracy=0.9, p50_ms=20.0, cost=50.0)},
        {"network": Side(accuracy=0.96, p50_ms=21.0, cost=15.0)},
        {"network": Side(accuracy=0.96, p50_ms=10.0, cost=51.0)},
        {"killed_mid_answer": KilledMidAnswer(completed=False, gap_ms=0.0)},
        {"joined_used_s": 2.1},
    ],
)
def test_a_broken_promise_is_told(changes):
    assert len(broken_promises(result(**changes))) == 1


def test_the_json_has_the_keys_that_were_promised():
    told = msgspec.to_builtins(result())
    assert set(told) == {
        "nodes",
        "discovery_s",
        "questions",
        "generalist",
        "network",
        "killed_mid_answer",
        "joined_used_s",
    }
    assert set(told["generalist"]) == set(told["network"]) == {"accuracy", "p50_ms", "cost"}
    assert set(told["killed_mid_answer"]) == {"completed", "gap_ms"}
