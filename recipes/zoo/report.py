"""The table of what was trained, at what cost, and how well it answers what it never saw."""

from collections.abc import Sequence
from pathlib import Path

from recipes.zoo.result import Result

_INTRODUCTION = """\
# What the recipe made

Written by `python -m recipes.zoo`. Accuracy is that of the exported file in llama.cpp, decoding
greedily, on held-out questions: none of their keys (see `modelnet.service.skill`) was trained on.
For `facts` a held-out question is an unseen wording of a fact. CPU time is that of training, in one
thread.
"""


def write_report(results: Sequence[Result], path: Path) -> None:
    """Write the report to `path` as Markdown."""
    lines = [
        _INTRODUCTION,
        *_summary(results),
        "",
        *_budgets(results),
        "",
        "## Held-out accuracy by kind",
        "",
    ]
    lines += _by_kind(results)
    path.write_text("\n".join(lines) + "\n")


def _summary(results: Sequence[Result]) -> list[str]:
    rows = [
        "| model | parameters | tokenizer | steps | tokens | questions trained | CPU minutes "
        "| wall minutes | file kB | held-out accuracy | asked | p50 ms |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for result in results:
        accuracy = ", ".join(f"{skill} {share:.3f}" for skill, share in result.held_out.items())
        rows.append(
            f"| {result.name} | {result.parameters:,} | {result.tokenizer} ({result.vocabulary}) "
            f"| {result.train_steps:,} | {result.train_tokens:,} | {result.train_questions:,} "
            f"| {result.train_cpu_s / 60:.1f} | {result.train_wall_s / 60:.1f} "
            f"| {result.size_bytes / 1000:.0f} | {accuracy} | {result.exam_questions:,} "
            f"| {result.exam_p50_ms:.1f} |"
        )
    return rows


def _budgets(results: Sequence[Result]) -> list[str]:
    """Compare what the specialists together cost with what the generalist cost."""
    rows = ["| training of | CPU minutes | parameters x tokens |", "|---|---|---|"]
    shares = {
        "the specialists together": [each for each in results if len(each.skills) == 1],
        "the generalist": [each for each in results if len(each.skills) > 1],
    }
    for name, share in shares.items():
        cpu_min = sum(each.train_cpu_s for each in share) / 60
        work = sum(each.parameters * each.train_tokens for each in share)
        rows.append(f"| {name} | {cpu_min:.1f} | {work:.2e} |")
    return rows


def _by_kind(results: Sequence[Result]) -> list[str]:
    specialists = {
        kind: (result.name, share)
        for result in results
        if len(result.skills) == 1
        for kind, share in result.held_out_by_kind.items()
    }
    general = {
        kind: share
        for result in results
        if len(result.skills) > 1
        for kind, share in result.held_out_by_kind.items()
    }
    rows = ["| kind | specialist | accuracy | generalist |", "|---|---|---|---|"]
    for kind, (name, share) in specialists.items():
        other = f"{general[kind]:.3f}" if kind in general else ""
        rows.append(f"| {kind} | {name} | {share:.3f} | {other} |")
    return rows
