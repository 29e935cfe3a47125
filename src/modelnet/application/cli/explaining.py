"""`modelnet ask --explain`: who was considered, in a table of 100 columns, and why, in words."""

from modelnet.application.cli.output import Column, console, printable, write
from modelnet.core.identity import short_node_id
from modelnet.service.explanation import Considered, Explanation, Pathway
from modelnet.service.selection import SINGLE

_COLUMNS = (
    Column("MODEL"),
    Column("RIGHT", is_number=True, is_narrow=True),
    Column("JUDGED", is_number=True, is_narrow=True),
    Column("TIME", is_number=True, is_narrow=True),
    Column("COST", is_number=True, is_narrow=True),
    Column("QUEUE", is_number=True, is_narrow=True),
    Column("VALUE", is_number=True, is_narrow=True),
    Column("STATE"),
)


def show_explanation(explanation: Explanation | None, id: str) -> None:
    """Print on stderr how a task was understood, who could answer it, and who did and why."""
    if explanation is None:
        write("This node does not say who was considered.", err=True)
        return
    write(f"\n{_understood(explanation)}", err=True)
    _draw(explanation)
    if explanation.others:
        write(f"... and {explanation.others} more.", err=True)
    for one in (*explanation.excluded, *explanation.unable):
        write(f"{one.model} of {one.node_name or short_node_id(one.node)}: {one.why}", err=True)
    for one in explanation.pathways if explanation.plan else ():
        write(_expected(one), err=True)
    write(f"\n{explanation.because}", err=True)
    write(f"Was it right? Say so: modelnet feedback {id} right", err=True)


def _draw(explanation: Explanation) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
    for column in _COLUMNS:
        justify = "right" if column.is_number else "left"
        table.add_column(column.title, justify=justify, no_wrap=column.is_narrow)
    for one in explanation.considered:
        table.add_row(*(Text(printable(cell)) for cell in _row(one)))
    console(stderr=True).print(table)


def _understood(explanation: Explanation) -> str:
    kinds = sorted(explanation.kinds.items(), key=lambda one: -one[1])
    read = ", ".join(f"{kind} {p:.0%}" for kind, p in kinds[:3])
    name = explanation.name
    if explanation.strategy != SINGLE and not explanation.plan:
        name = f"{explanation.strategy} of {name}"
    return (
        f"Understood as {read}; asked for {name!r}: a second is worth "
        f"{explanation.p_per_second:g} of a right answer, a dollar {explanation.p_per_dollar:g}."
        + _looks(explanation)
        + _limits(explanation)
    )


def _looks(explanation: Explanation) -> str:
    looks = [f"in {explanation.language}"] if explanation.language else []
    looks += [f"with {', '.join(explanation.parts)}"] if explanation.parts else []
    return (
        f"\nIt is {' '.join(looks) or 'of no language that is known'}; models are wrong here with "
        f"{explanation.difficulty:.2f}; an answer has about {explanation.answer_tokens:.0f} tokens."
    )


def _limits(explanation: Explanation) -> str:
    cost, quality = explanation.max_cost_usd, explanation.min_quality
    seconds = explanation.max_latency_s
    told = [f"at most ${cost:g}"] if cost is not None else []
    told += [f"at most {seconds:g} s, 19 times in 20"] if seconds is not None else []
    told += [f"right with at least {quality:g}"] if quality is not None else []
    return f"\nLimits: {'; '.join(told)}." if told else ""


def _row(one: Considered) -> tuple[str, ...]:
    return (
        f"{one.model} @{one.node_name or short_node_id(one.node)}",
        f"{one.p_right:.2f} ±{one.deviation:.2f}",
        f"{one.asked:.0f}",
        _time(one.expected_s),
        f"${one.cost_usd:.2g}",
        f"{one.running}+{one.waiting}/{one.parallel}",
        f"{one.value:.3f}",
        _state(one),
    )


def _expected(one: Pathway) -> str:
    told = f"{one.strategy}: right with {one.p_right:.2f}, ${one.cost_usd:.2g}"
    told = f"{told}, {_time(one.expected_s)}"
    if one.strategy == SINGLE:
        return told
    least = "" if one.least_gain is None else f", {one.least_gain:+.3f} at least"
    return f"{told}; worth {one.gain:+.3f} more{least}"


def _time(seconds: float | None) -> str:
    if seconds is None:
        return "?"
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


def _state(one: Considered) -> str:
    if one.rests_s > 0.0:
        return f"rests {one.rests_s:.0f} s"
    return f"failed {one.failures}x" if one.failures else "ready"
