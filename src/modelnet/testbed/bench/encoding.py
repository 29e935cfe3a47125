"""How long the sentence encoder takes for a query."""

import gzip
import time
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path
from statistics import median

import msgspec

from modelnet.core.error import SettingsError
from modelnet.resource.encoder import Encoder

PROMPTS = 100
"""Taken of each set of a data folder: enough for a median, and a matter of seconds."""

QUESTIONS = (
    "What is the capital of Australia?",
    "Write a Python function that returns the n-th Fibonacci number.",
    "Summarise the plot of Hamlet in three sentences.",
    "If a train travels 180 km in 2.5 hours, what is its average speed?",
    "Translate 'good morning, how are you?' into French and Spanish.",
    "Why is the sky blue?",
    "Explain the difference between a process and a thread.",
    "Find the derivative of x^3 * sin(x).",
    "Suggest a name for a small bakery that sells sourdough bread.",
    "Which of these is a mammal: shark, dolphin, penguin or frog?",
    "Fix this SQL: SELEC name FORM users WERE id = 3;",
    "My order 4711 has not arrived yet. Write a polite e-mail to the shop.",
)
"""What people ask, where no folder is given."""

_WARM_UP = 5


class _Query(msgspec.Struct):
    prompt: str


def encode_ms(
    encoder: Encoder, texts: Sequence[str], clock: Callable[[], float] = time.perf_counter
) -> float:
    """Return the milliseconds that an encoder takes for a text, the median over texts.

    Args:
        encoder: one that was loaded.
        texts: one or more; each is encoded alone, as a query comes.
        clock: seconds; on a machine with other work, `time.thread_time` tells what one core does.
    """
    for text in texts[:_WARM_UP]:
        encoder.encode([text])
    took_s: list[float] = []
    for text in texts:
        begin_s = clock()
        encoder.encode([text])
        took_s.append(clock() - begin_s)
    return 1e3 * median(took_s)


def typical_prompts(folder: Path | None = None, part: str = "dev") -> list[str]:
    """Return the first prompts of each set in a data folder; without one, some short questions.

    Raises:
        SettingsError: the folder has no such prompts, or they cannot be read.
    """
    if folder is None:
        return [*QUESTIONS]
    files = sorted(folder.glob(f"*/{part}_queries.jsonl.gz"))
    if not files:
        raise SettingsError(f"{folder} has no */{part}_queries.jsonl.gz; name another folder.")
    return [prompt for file in files for prompt in _prompts(file)]


def _prompts(file: Path) -> list[str]:
    decode = msgspec.json.Decoder(_Query).decode
    try:
        with gzip.open(file) as lines:
            return [decode(line).prompt for line in islice(lines, PROMPTS)]
    except (OSError, EOFError, msgspec.DecodeError) as error:
        raise SettingsError(f"{file} holds no queries ({error}); mend it.") from error
