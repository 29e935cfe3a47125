"""The whole demo: gather, compare, kill, join, and end everything that was started."""

import tempfile
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from modelnet.application.demo import arrival, comparison, death, gathering
from modelnet.application.demo.asking import Asker, open_asker, require_client
from modelnet.application.demo.cast import LOST_MODEL, LOST_SKILL, NEWCOMER, VICTIM, Cast
from modelnet.application.demo.gathering import Present
from modelnet.application.demo.process import Fleet, NodeProcess
from modelnet.application.demo.question import mixed, of_skill
from modelnet.application.demo.result import DemoResult, KilledMidAnswer, Side, summary
from modelnet.application.demo.show import Show
from modelnet.core.identity import NodeId
from modelnet.core.task import AUTO


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What the user may choose."""

    questions: int
    seed: int
    characters_per_s: float


@dataclass(frozen=True, slots=True)
class _Stage:
    """What the acts share."""

    choices: Choices
    show: Show
    fleet: Fleet
    cast: Cast
    present: tuple[Present, ...]
    asker: Asker

    def node(self, name: str) -> NodeProcess:
        return next(one.node for one in self.present if one.node.spec.name == name)


async def play(choices: Choices, show: Show) -> DemoResult:
    """Play the demo.

    Raises:
        ModelnetError: something that should work did not; the sentence says what.
    """
    require_client()
    async with AsyncExitStack() as stack:
        home = stack.enter_context(tempfile.TemporaryDirectory(prefix="modelnet-demo-"))
        fleet = await stack.enter_async_context(Fleet(Path(home)))
        cast = Cast(choices.characters_per_s)
        present, discovery_s = await _gather(fleet, cast, stack, show)
        stage = _Stage(
            choices=choices,
            show=show,
            fleet=fleet,
            cast=cast,
            present=present,
            asker=await stack.enter_async_context(open_asker(present[0].node.ready.openai_url)),
        )
        generalist, network = await _compare(stage)
        return DemoResult(
            nodes=len(present),
            discovery_s=round(discovery_s, 3),
            questions=choices.questions,
            generalist=generalist,
            network=network,
            killed_mid_answer=await _kill(stage),
            joined_used_s=round(await _join(stage), 3),
        )


async def _gather(
    fleet: Fleet, cast: Cast, clients: AsyncExitStack, show: Show
) -> tuple[tuple[Present, ...], float]:
    show.act("Starting nodes, each a process of its own")
    with show.waiting("starting"):
        present = await gathering.start_all(fleet, cast, clients)
    for node in (one.node for one in present):
        models = ", ".join(node.spec.models)
        show.say(f"{node.spec.name:<5} {models}  (process {node.child.pid})")
    with show.waiting("finding each other"):
        discovery_s = await gathering.meet(present)
    show.say(f"every node knew every other {discovery_s:.2f} s after the last was ready")
    return present, discovery_s


async def _compare(stage: _Stage) -> tuple[Side, Side]:
    show, count = stage.show, stage.choices.questions
    with show.waiting("the nodes examine each other's models"):
        offers = await gathering.measured(stage.present)
    show.act(f"{count} questions nobody was trained on, through the OpenAI client")
    with show.counting("asked", count) as on_step:
        questions = mixed(count, stage.choices.seed)
        answers = await comparison.compare(stage.asker, questions, on_step)
    parameters = {offer.card.name: offer.card.parameters or 0 for offer in offers}
    sides = summary(answers.alone, parameters), summary(answers.together, parameters)
    show.compare(answers.alone, answers.together, sides)
    return sides


async def _kill(stage: _Stage) -> KilledMidAnswer:
    show, victim = stage.show, stage.node(VICTIM)
    question, whole = await death.choose(stage.asker, stage.choices.seed)
    show.act(f"{VICTIM} is killed in the middle of an answer (SIGKILL, process {victim.child.pid})")
    show.say(question.prompt)
    show.type("  ")

    def on_piece(text: str, was_killed: bool) -> None:
        show.type(text)
        if was_killed:
            show.type(f"[{VICTIM} killed]", style="bold red")

    killed, contributors = await death.survive(
        stage.asker,
        question,
        whole,
        victim=NodeId(victim.ready.node),
        kill=victim.kill,
        on_piece=on_piece,
    )
    show.type("\n")
    show.say(
        f"whole and right, {killed.gap_ms:.0f} ms after the kill it went on"
        if killed.completed
        else f"NOT whole: expected {whole!r}"
    )
    if contributors:
        show.say(f"{contributors[-1].model} of another node {contributors[-1].because}")
    return killed


async def _join(stage: _Stage) -> float:
    show, entrance = stage.show, stage.present[0].node
    show.act(
        f"A newcomer: {NEWCOMER} joins with {LOST_MODEL}, which nobody has since {VICTIM} died"
    )
    orphan = next(of_skill(LOST_SKILL, stage.choices.seed))
    before, _ = await stage.asker.ask(orphan, AUTO)
    show.say(f"before: {orphan.prompt} {before.text} ({', '.join(before.models)})")
    with show.waiting(f"starting {NEWCOMER}"):
        newcomer = await stage.fleet.start_node(stage.cast.newcomer(entrance.ready.listen))
    first = await arrival.first_use(stage.asker, newcomer, stage.choices.seed)
    question, models = first.asked.question, ", ".join(first.asked.models)
    show.say(f"after:  {question.prompt} {first.asked.text} ({models})")
    show.say(f"found and used {first.after_s:.2f} s after it was ready: {first.because}")
    return first.after_s
