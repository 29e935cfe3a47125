"""Answers under fire: clients stream from five nodes while these are killed at random."""

import random
import statistics
import time
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field
from itertools import islice, pairwise
from pathlib import Path

import anyio

from modelnet.application.address import NodeAddress
from modelnet.application.client import NodeClient, open_client
from modelnet.application.demo.process import Fleet, NodeProcess, NodeSpec
from modelnet.application.demo.question import long_ones
from modelnet.application.reply import ChatChunk
from modelnet.core.error import EngineError, ModelnetError
from modelnet.service.skill import Question, is_correct
from modelnet.testbed.bench.figure import Failover

NODES = 5
CLIENTS = 4
"""As many as one node answers at once: so a silence is a takeover, never a queue."""

MODEL = "zoo:text"
CHARACTERS_PER_S = 25.0
ANSWER_S = 60.0
QUESTIONS = 12
LEAST_ALIVE = 2
"""A kill waits until so many others can take over: with nobody left there is nothing to test."""

PAUSES_S = (0.3, 0.9)
LIMIT_S = 420.0

_MEET_S = 30.0
_POLL_S = 0.02


@dataclass(frozen=True, slots=True)
class Answer:
    """What one client saw of one answer."""

    problem: str | None
    """What was wrong with it, where something was."""
    contributors: int
    longest_silence_s: float
    """Between two pieces of it."""


@dataclass(slots=True)
class Tally:
    """What all clients saw."""

    answers: list[Answer] = field(default_factory=list[Answer])
    kills: int = 0
    is_over: bool = False

    @property
    def problems(self) -> list[str]:
        """What was wrong with the answers that were lost."""
        return [one.problem for one in self.answers if one.problem is not None]

    def figures(self) -> Failover:
        """Return the figures: gaps are the silences of answers that changed hands."""
        pace_s = 1.0 / CHARACTERS_PER_S
        gaps_ms = [
            max(0.0, one.longest_silence_s - pace_s) * 1000.0
            for one in self.answers
            if one.contributors > 1
        ]
        return Failover(
            kills=self.kills,
            lost=len(self.problems),
            gap_ms_p50=round(statistics.median(gaps_ms), 1) if gaps_ms else None,
            gap_ms_max=round(max(gaps_ms), 1) if gaps_ms else None,
        )


async def failover(home: Path, kills: int, seed: int) -> Tally:
    """Kill nodes under the answers they give, and restart them; return what clients saw."""
    home = home / "failover"
    await anyio.Path(home).mkdir(parents=True)
    rng = random.Random(seed)  # noqa: S311  repeatable bad luck
    tally = Tally()
    async with Fleet(home) as fleet:
        entrance = await fleet.start_node(_spec("entrance", ()))
        servers = Servers(fleet, entrance)
        await servers.start_all()
        async with open_client(NodeAddress(entrance.base_url)) as client:
            await _meet(client)
            questions = await _questions(client, seed)
            with anyio.fail_after(LIMIT_S):
                async with anyio.create_task_group() as group:
                    for _ in range(CLIENTS):
                        group.start_soon(_ask_on, client, questions, rng, tally)
                    await servers.kill_many(kills, rng, tally)
                    tally.is_over = True
    return tally


class Servers:
    """The nodes that serve, are killed and started again."""

    def __init__(self, fleet: Fleet, entrance: NodeProcess) -> None:
        self._fleet = fleet
        self._join = entrance.ready.listen
        self._alive: list[NodeProcess] = []

    async def start_all(self) -> None:
        """Start all of them."""
        for i in range(NODES):
            await self._start(f"server{i}")

    async def kill_many(self, kills: int, rng: random.Random, tally: Tally) -> None:
        """Kill so many, one after another, each started again at once; wait for the last start."""
        async with anyio.create_task_group() as restarts:
            while tally.kills < kills:
                await anyio.sleep(rng.uniform(*PAUSES_S))
                if len(self._alive) > LEAST_ALIVE:
                    victim = rng.choice(self._alive)
                    self._alive.remove(victim)
                    victim.kill()
                    tally.kills += 1
                    restarts.start_soon(self._restart, victim)

    async def _restart(self, victim: NodeProcess) -> None:
        await victim.bury()
        await self._start(victim.spec.name)

    async def _start(self, name: str) -> None:
        self._alive.append(await self._fleet.start_node(_spec(name, self._join)))


def _spec(name: str, join: tuple[str, ...]) -> NodeSpec:
    models = (f"{MODEL}?pace={CHARACTERS_PER_S:g}",) if join else ()
    return NodeSpec(
        name=name, network="bench-failover", models=models, join=join, flags=("--no-exams",)
    )


async def _meet(client: NodeClient) -> None:
    with anyio.fail_after(_MEET_S):
        while len(await client.models()) < NODES:  # noqa: ASYNC110  other processes set no event
            await anyio.sleep(_POLL_S)


async def _questions(client: NodeClient, seed: int) -> Sequence[tuple[Question, str]]:
    """Return questions with long answers, and the text each has when nobody is killed.

    Raises:
        EngineError: the model answers none of them rightly.
    """
    found: list[tuple[Question, str]] = []

    async def ask(question: Question) -> None:
        text = "".join([chunk.text async for chunk in _stream(client, question)])
        if is_correct(question, text):
            found.append((question, text))

    async with anyio.create_task_group() as group:
        for question in islice(long_ones(seed), QUESTIONS):
            group.start_soon(ask, question)
    if not found:
        raise EngineError(f"{MODEL} answers no long question rightly: train it again.")
    return found


async def _ask_on(
    client: NodeClient,
    questions: Sequence[tuple[Question, str]],
    rng: random.Random,
    tally: Tally,
) -> None:
    while not tally.is_over:
        question, whole = rng.choice(questions)
        tally.answers.append(await _answer(client, question, whole))


async def _answer(client: NodeClient, question: Question, whole: str) -> Answer:
    """Ask one question and watch its answer; an error is what a client must never see."""
    times_s: list[float] = []
    text, contributors = "", 0
    try:
        async for chunk in _stream(client, question):
            if chunk.text:
                times_s.append(time.monotonic())
                text += chunk.text
            if chunk.modelnet:
                contributors = len(chunk.modelnet.contributors)
    except ModelnetError as error:
        text += f" ({error.code}: {error})"
    silence_s = max((later - sooner for sooner, later in pairwise(times_s)), default=0.0)
    problem = None if text == whole else f"{text!r} instead of {whole!r}"
    return Answer(problem, contributors, silence_s)


def _stream(client: NodeClient, question: Question) -> AsyncGenerator[ChatChunk, None]:
    messages = [{"role": "user", "content": question.prompt}]
    return client.chat(messages, model=MODEL, timeout_s=ANSWER_S, temperature=0.0)
