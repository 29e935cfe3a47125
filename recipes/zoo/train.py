"""The training loop: Muon for the matrices, AdamW for the rest, warm-up and a straight decline."""

import random
import time
from collections.abc import Iterable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from recipes.zoo.data import IGNORED, Batch, Curriculum, batches, example, _padded
from recipes.zoo.muon import Muon
from recipes.zoo.model import Llama, Shape
from recipes.zoo.spec import Spec
from recipes.zoo.tokenizer import TextEncoder
from modelnet.service.skill import SKILLS

_WARM_UP_STEPS = 50


@dataclass(frozen=True, slots=True)
class Trained:
    """A trained model and what it cost."""

    model: Llama
    cpu_s: float
    wall_s: float
    n_tokens: int
    n_questions: int


def train(spec: Spec, encoder: TextEncoder, dev=None, report_every=200, muon=True) -> Trained:
    """Train one model from random weights."""
    torch.manual_seed(spec.seed)
    rng = random.Random(spec.seed)
    shape = Shape(len(encoder.vocabulary.tokens), spec.d_model, spec.n_layers, spec.n_heads)
    model = Llama(shape)
    optimisers = make_optimisers(model, spec.learning_rate, muon)
    schedules = [torch.optim.lr_scheduler.LambdaLR(o, lambda s: pace(s, spec.n_steps)) for o in optimisers]
    curriculum = Curriculum(spec.skills, rng)
    started_cpu, started = time.process_time(), time.monotonic()
    n_tokens = n_questions = 0
    running = 0.0
    for step, batch in zip(range(1, spec.n_steps + 1), batches(curriculum, encoder, rng, spec.batch_tokens)):
        loss = loss_of(model, batch)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for o, s in zip(optimisers, schedules):
            o.step(); s.step(); o.zero_grad()
        n_tokens += batch.inputs.numel(); n_questions += len(batch.inputs)
        running += loss.item()
        if step % report_every == 0 or step == spec.n_steps:
            cpu = time.process_time() - started_cpu
            line = f"{spec.name} step {step} loss {running / report_every:.4f} cpu {cpu:.0f}s wall {time.monotonic()-started:.0f}s tok/s {n_tokens/cpu:.0f}"
            running = 0.0
            errors = error_rates(model, curriculum.kinds, encoder, random.Random(99), 100)
            curriculum.reweigh(errors)
            torch.save(model.state_dict(), f"/tmp/train/{spec.name}.pt")
            print(line, "acc", f"{1 - sum(errors.values()) / len(errors):.3f}", {k: round(1 - v, 2) for (_, k), v in errors.items()}, flush=True)
    return Trained(model, time.process_time() - started_cpu, time.monotonic() - started, n_tokens, n_questions)


def pace(step: int, n_steps: int) -> float:
    return min((step + 1) / _WARM_UP_STEPS, max(0.02, (n_steps - step) / n_steps * 1.0))


def make_optimisers(model: Llama, lr: float, muon: bool):
    matrices = [p for n, p in model.named_parameters() if p.ndim == 2 and "embedding" not in n]
    rest = [p for n, p in model.named_parameters() if not (p.ndim == 2 and "embedding" not in n)]
    if not muon:
        return [torch.optim.AdamW(model.parameters(), lr=lr, betas=(0.9, 0.98), weight_decay=0.05)]
    return [
        Muon(matrices, lr=lr * 2, weight_decay=0.05),
        torch.optim.AdamW(rest, lr=lr, betas=(0.9, 0.98), weight_decay=0.0),
    ]


def loss_of(model: Llama, batch: Batch) -> Tensor:
    hidden = model(batch.inputs)  # (batch, seq, d_model)
    graded = batch.targets != IGNORED  # (batch, seq)
    logits = model.logits(hidden[graded])  # (graded, vocab)
    return F.cross_entropy(logits, batch.targets[graded])


@torch.no_grad()
def error_rates(model, kinds, encoder, rng, n, part="train"):
    """Share of replies, per kind, that greedy decoding would not give exactly."""
    rates = {}
    for skill, kind in kinds:
        qs = [SKILLS[skill].draw(rng, part, kind) for _ in range(n)]
        from recipes.zoo.data import Example, reply_tokens
        exs = []
        for q in qs:
            p = encoder.encode(q.prompt + "\n")
            exs.append(Example(p + reply_tokens(q, encoder), len(p)))
        b = _padded(exs)
        guess = model.logits(model(b.inputs)).argmax(-1)
        ok = ((guess == b.targets) | (b.targets == IGNORED)).all(1)
        rates[skill, kind] = 1 - ok.float().mean().item()
    return rates
