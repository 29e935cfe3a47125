"""The training loop: Muon for the matrices, AdamW for the rest, warm-up and a straight decline."""

import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.optim.lr_scheduler import LambdaLR

from modelnet.service.skill import SKILLS
from recipes.zoo.data import IGNORED, Batch, Curriculum, Kind, batches, padded, plain_example
from recipes.zoo.model import Llama, Shape
from recipes.zoo.muon import Muon
from recipes.zoo.spec import Spec
from recipes.zoo.tokenizer import TextEncoder

_WARM_UP_STEPS = 50
_LAST_PACE = 0.02
_PROBE_EVERY = 200
_PROBE_QUESTIONS = 60
_MUON_FACTOR = 2.0
_WEIGHT_DECAY = 0.05


@dataclass(slots=True)
class Trained:
    """A model in training or trained, and what it has cost so far."""

    model: Llama
    n_tokens: int = 0
    n_questions: int = 0
    cpu_s: float = 0.0
    wall_s: float = 0.0
    _cpu_start: float = field(default_factory=time.process_time)
    _wall_start: float = field(default_factory=time.monotonic)

    def count(self, batch: Batch) -> None:
        """Add one batch to the bill."""
        self.n_tokens += batch.inputs.numel()
        self.n_questions += len(batch.inputs)
        self.cpu_s = time.process_time() - self._cpu_start
        self.wall_s = time.monotonic() - self._wall_start


def train(spec: Spec, encoder: TextEncoder) -> Trained:
    """Train one model from random weights; the same spec gives the same model."""
    torch.manual_seed(spec.seed)
    rng = random.Random(spec.seed)
    shape = Shape(len(encoder.vocabulary.tokens), spec.d_model, spec.n_layers, spec.n_heads)
    trained = Trained(Llama(shape))
    curriculum = Curriculum(spec.skills, rng)
    update = _updates(trained.model, spec)
    feed = batches(curriculum, encoder, rng, spec.batch_tokens)
    for step in range(1, spec.n_steps + 1):
        batch = next(feed)
        loss = loss_of(trained.model, batch)
        loss.backward()
        next(update)
        trained.count(batch)
        if step % _PROBE_EVERY == 0:
            errors = error_rates(trained.model, curriculum.kinds, encoder, random.Random(step))
            curriculum.reweigh(errors)
            _tell(spec, step, loss.item(), trained, errors)
    return trained


def _updates(model: Llama, spec: Spec) -> Iterator[None]:
    """Apply the gradients, each time at the pace of the next step."""
    optimisers = _optimisers(model, spec.learning_rate)
    schedules = [LambdaLR(each, lambda step: _pace(step, spec.n_steps)) for each in optimisers]
    while True:
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimiser, schedule in zip(optimisers, schedules, strict=True):
            optimiser.step()
            schedule.step()
        model.zero_grad()
        yield


def _optimisers(model: Llama, learning_rate: float) -> list[torch.optim.Optimizer]:
    named = list(model.named_parameters())
    matrices = [p for name, p in named if p.ndim == 2 and name != "embedding.weight"]
    others = [p for name, p in named if p.ndim == 1 or name == "embedding.weight"]
    return [
        Muon(matrices, lr=_MUON_FACTOR * learning_rate, weight_decay=_WEIGHT_DECAY),
        torch.optim.AdamW(others, lr=learning_rate, betas=(0.9, 0.98), weight_decay=0.0),
    ]


def _pace(step: int, n_steps: int) -> float:
    """Share of the full learning rate at a step."""
    return min((step + 1) / _WARM_UP_STEPS, max(_LAST_PACE, 1 - step / n_steps))


def loss_of(model: Llama, batch: Batch) -> Tensor:
    """Mean cross-entropy over the graded tokens."""
    hidden = model(batch.inputs)  # (batch, seq, d_model)
    graded = batch.targets != IGNORED  # (batch, seq)
    logits = model.logits(hidden[graded])  # (graded, vocab)
    return F.cross_entropy(logits, batch.targets[graded])


@torch.no_grad()
def error_rates(
    model: Llama, kinds: list[Kind], encoder: TextEncoder, rng: random.Random
) -> dict[Kind, float]:
    """Share of replies of each kind, scratch included, that greedy decoding would not give."""
    return {kind: _error_rate(model, kind, encoder, rng) for kind in kinds}


def _error_rate(model: Llama, kind: Kind, encoder: TextEncoder, rng: random.Random) -> float:
    skill, name = kind
    questions = [SKILLS[skill].draw(rng, "train", name) for _ in range(_PROBE_QUESTIONS)]
    batch = padded([plain_example(question, encoder) for question in questions])
    guesses = model.logits(model(batch.inputs)).argmax(-1)  # (batch, seq)
    is_right = (guesses == batch.targets) | (batch.targets == IGNORED)
    return 1 - is_right.all(1).float().mean().item()


def _tell(spec: Spec, step: int, loss: float, trained: Trained, errors: dict[Kind, float]) -> None:
    kinds = " ".join(f"{name} {1 - error:.2f}" for (_, name), error in errors.items())
    print(
        f"{spec.name} {step}/{spec.n_steps} loss {loss:.3f} cpu {trained.cpu_s:.0f} s "
        f"wall {trained.wall_s:.0f} s: {kinds}",
        flush=True,
    )
