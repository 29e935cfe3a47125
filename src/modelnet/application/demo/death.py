"""Act two: a node is killed in the middle of an answer, and the answer goes on."""

from collections.abc import Callable
from contextlib import aclosing
from itertools import islice

from modelnet.application.demo.asking import Asker, Piece
from modelnet.application.demo.cast import TWIN, VICTIM
from modelnet.application.demo.question import long_ones
from modelnet.application.demo.result import KilledMidAnswer
from modelnet.core.error import EngineError
from modelnet.core.identity import NodeId
from modelnet.core.task import AUTO, Contribution
from modelnet.service.skill import Question, is_correct

KILLED_AT = 0.4
"""The part of the answer that the dying node gives."""

_QUESTIONS_TRIED = 40


async def choose(asker: Asker, seed: int) -> tuple[Question, str]:
    """Return a question with a long answer, and the text of it when nobody is killed.

    Raises:
        EngineError: the specialist answers none of many such questions.
    """
    for question in islice(long_ones(seed), _QUESTIONS_TRIED):
        asked, _ = await asker.ask(question, TWIN)
        if asked.is_right:
            return question, asked.text
    raise EngineError(f"{TWIN} answered none of {_QUESTIONS_TRIED} long questions: train it again.")


class Witness:
    """Watches one answer: kills when it is time, and notes when the next piece came."""

    def __init__(self, whole: str, kill: Callable[[], float]) -> None:
        """Expect the text `whole`; `kill` returns when it happened."""
        self._kill = kill
        self._kill_after = max(1, int(KILLED_AT * len(whole)))
        self._killed_at_s: float | None = None
        self._gap_s: float | None = None
        self.text = ""
        self.contributors: tuple[Contribution, ...] = ()

    @property
    def gap_ms(self) -> float:
        """From the kill to the next piece; 0 when nothing came after it."""
        return round((self._gap_s or 0.0) * 1000.0, 1)

    def see(self, piece: Piece) -> bool:
        """Take in a piece; return whether the node was killed right after it."""
        self.text += piece.text
        if piece.origin is not None:
            self.contributors = piece.origin.contributors
        if self._killed_at_s is None and len(self.text) >= self._kill_after:
            self._killed_at_s = self._kill()
            return True
        if self._killed_at_s is not None and self._gap_s is None:
            self._gap_s = piece.at_s - self._killed_at_s
        return False

    def has_changed_hands(self, victim: NodeId) -> bool:
        """Whether the victim gave the beginning and somebody else the end."""
        nodes = [one.node for one in self.contributors]
        return len(nodes) > 1 and nodes[0] == victim and nodes[-1] != victim


async def survive(
    asker: Asker,
    question: Question,
    whole: str,
    *,
    victim: NodeId,
    kill: Callable[[], float],
    on_piece: Callable[[str, bool], None],
) -> tuple[KilledMidAnswer, tuple[Contribution, ...]]:
    """Ask the victim, kill it in the middle, and see what the asker gets; also who gave it."""
    witness = Witness(whole, kill)
    async with aclosing(asker.stream(question, f"{TWIN}@{VICTIM}, {AUTO}")) as pieces:
        async for piece in pieces:
            was_killed = witness.see(piece)
            on_piece(piece.text, was_killed)
    is_whole = witness.text == whole and is_correct(question, witness.text)
    is_proof = is_whole and witness.has_changed_hands(victim)
    return KilledMidAnswer(is_proof, witness.gap_ms), witness.contributors
