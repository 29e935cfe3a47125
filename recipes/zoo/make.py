"""Make one model from its spec: tokenizer, training, export, exam."""

import hashlib
import os
import random
from collections.abc import Sequence
from pathlib import Path

import torch

from recipes.zoo.data import Curriculum
from recipes.zoo.evaluate import examine, held_out
from recipes.zoo.export import export
from recipes.zoo.model import parameter_count
from recipes.zoo.result import Result, save
from recipes.zoo.spec import CONTEXT_LENGTH, Spec
from recipes.zoo.tokenizer import TextEncoder, Vocabulary, bpe_vocabulary, byte_vocabulary
from recipes.zoo.train import train

_QUESTIONS_PER_SKILL = 1000
_EXAM_SEED = 2026
_BPE_QUESTIONS = 20_000


def make(specs: Sequence[Spec], out: Path) -> None:
    """Make some models, one after the other, on one core, and note what came of each."""
    os.nice(5)
    torch.set_num_threads(1)
    for spec in specs:
        save(make_one(spec, out), out / f"{spec.name}.json")


def make_one(spec: Spec, out: Path) -> Result:
    """Train, export and examine one model."""
    vocabulary = vocabulary_for(spec)
    trained = train(spec, TextEncoder(vocabulary))
    path = out / f"{spec.name}.gguf"
    export(trained.model, vocabulary, spec, path)
    questions = [
        question
        for skill in spec.skills
        for question in held_out(skill, _QUESTIONS_PER_SKILL, _EXAM_SEED)
    ]
    score = examine(path, questions)
    print(f"{spec.name}: {score.by_skill()} {score.by_kind()}", flush=True)
    return Result(
        name=f"zoo:{spec.name}",
        file=path.name,
        description=spec.description,
        skills=spec.skills,
        parameters=parameter_count(trained.model),
        context_length=CONTEXT_LENGTH,
        size_bytes=path.stat().st_size,
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        tokenizer=spec.tokenizer,
        vocabulary=len(vocabulary.tokens),
        train_steps=spec.n_steps,
        train_tokens=trained.n_tokens,
        train_questions=trained.n_questions,
        train_cpu_s=round(trained.cpu_s, 1),
        train_wall_s=round(trained.wall_s, 1),
        exam_questions=len(questions),
        exam_p50_ms=round(score.p50_ms, 2),
        held_out=score.by_skill(),
        held_out_by_kind=score.by_kind(),
    )


def vocabulary_for(spec: Spec) -> Vocabulary:
    """Build the tokenizer of a model from training questions only."""
    if spec.tokenizer == "bytes":
        return byte_vocabulary()
    curriculum = Curriculum(spec.skills, random.Random(spec.seed))
    drawn = (curriculum.draw() for _ in range(_BPE_QUESTIONS))
    return bpe_vocabulary(
        (f"{question.prompt}\n{question.answer}" for question in drawn), spec.n_merges
    )
