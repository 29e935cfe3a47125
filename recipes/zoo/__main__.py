"""Train, export and examine the whole zoo: `python -m recipes.zoo`."""

import argparse
import hashlib
import json
import os
import random
import shutil
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from multiprocessing import get_context
from pathlib import Path

import torch

from recipes.zoo.data import Curriculum
from recipes.zoo.evaluate import examine, held_out
from recipes.zoo.export import export
from recipes.zoo.model import parameter_count
from recipes.zoo.report import write_report
from recipes.zoo.result import Result
from recipes.zoo.spec import CONTEXT_LENGTH, GENERALIST, SPECIALISTS, Spec
from recipes.zoo.tokenizer import TextEncoder, Vocabulary, bpe_vocabulary, byte_vocabulary
from recipes.zoo.train import train

_QUESTIONS_PER_SKILL = 1000
_EXAM_SEED = 2026
_BPE_QUESTIONS = 20_000


def make(specs: Sequence[Spec], out: Path) -> list[Result]:
    """Make some models, one after the other, on one core."""
    os.nice(5)
    torch.set_num_threads(1)
    return [make_one(spec, out) for spec in specs]


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
    return bpe_vocabulary((f"{question.prompt}\n{question.answer}" for question in drawn), spec.n_merges)


def install(results: Sequence[Result], out: Path, target: Path) -> None:
    """Put files and their index into the package, each at once."""
    target.mkdir(parents=True, exist_ok=True)
    index = out / "zoo.json"
    index.write_text(json.dumps([asdict(result) for result in results], indent=2) + "\n")
    for name in (*(result.file for result in results), index.name):
        partial = target / f".{name}.part"
        shutil.copyfile(out / name, partial)
        partial.replace(target / name)


def make_all(names: Sequence[str], out: Path) -> list[Result]:
    """Make the specialists in one process and the generalist in another, side by side."""
    shares = [
        [spec for spec in share if spec.name in names] for share in (SPECIALISTS, (GENERALIST,))
    ]
    with ProcessPoolExecutor(max_workers=2, mp_context=get_context("spawn")) as pool:
        made = [pool.submit(make, share, out) for share in shares if share]
        return [result for future in made for result in future.result()]


def main() -> None:
    """Run the recipe from the command line."""
    here = Path(__file__).parent
    every = [spec.name for spec in (*SPECIALISTS, GENERALIST)]
    parser = argparse.ArgumentParser(prog="python -m recipes.zoo", description=__doc__)
    parser.add_argument("--out", type=Path, default=here / "out", help="folder to train into")
    parser.add_argument("--only", nargs="+", choices=every, default=every, help="models to make")
    parser.add_argument("--install", action="store_true", help="put the files into the package")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    results = make_all(options.only, options.out)
    write_report(results, options.out / "RESULTS.md")
    if options.install:
        install(results, options.out, here.parents[1] / "src" / "modelnet" / "resource" / "zoo")
        shutil.copyfile(options.out / "RESULTS.md", here / "RESULTS.md")


if __name__ == "__main__":
    main()
