"""`modelnet ask`: one question to the network, the answer as it comes."""

import sys
import time
from contextlib import aclosing
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from modelnet.application.cli.asking import find_node, patience
from modelnet.application.cli.explaining import show_explanation
from modelnet.application.cli.loop import run
from modelnet.application.cli.option import DataDir, Json, Url
from modelnet.application.cli.output import write, write_json
from modelnet.application.cli.weighing import weights_in
from modelnet.application.client import NodeClient, open_client
from modelnet.application.reply import ChatChunk
from modelnet.core.chunk import Usage
from modelnet.core.error import InvalidRequestError
from modelnet.core.identity import NodeId, short_node_id
from modelnet.core.task import AUTO, Contribution
from modelnet.core.wish import NO_WISH, Wish
from modelnet.service.explanation import Explanation

_DEFAULT_TIMEOUT_S = 120.0


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What the command was asked to ask."""

    messages: tuple[dict[str, str], ...]
    model: str
    timeout_s: float
    max_tokens: int | None
    temperature: float | None
    explain: bool = False
    tests: str | None = None
    wish: Wish = NO_WISH
    is_fresh: bool = False


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """A whole answer, as `--json` prints it."""

    id: str
    """What `modelnet feedback` knows it by."""
    answer: str
    model: str
    """The model that finished it."""
    node: NodeId | None
    contributors: tuple[Contribution, ...]
    usage: Usage | None
    finish_reason: str | None
    seconds: float
    explanation: Explanation | msgspec.UnsetType = msgspec.UNSET


def ask(
    prompt: Annotated[
        str,
        typer.Argument(metavar="PROMPT", help="The question; `-` reads it from standard input."),
    ],
    model: Annotated[
        str,
        typer.Option(
            "--model",
            "-m",
            metavar="MODEL",
            help="`auto`, a model, `model@node`, or a chain to fall back along: 'A, B, C'.",
        ),
    ] = AUTO,
    system: Annotated[
        str | None,
        typer.Option("--system", metavar="TEXT", help="Instructions that go before the question."),
    ] = None,
    max_tokens: Annotated[
        int | None,
        typer.Option("--max-tokens", metavar="N", min=1, help="Longest answer, in tokens."),
    ] = None,
    temperature: Annotated[
        float | None,
        typer.Option("--temperature", metavar="T", min=0, max=2, help="0 is the most likely."),
    ] = None,
    timeout_s: Annotated[
        float,
        typer.Option(
            "--timeout", metavar="S", min=0.1, max=3600, help="Seconds for the whole answer."
        ),
    ] = _DEFAULT_TIMEOUT_S,
    max_cost_usd: Annotated[
        float | None,
        typer.Option("--max-cost", metavar="USD", help="Dollars the answer may cost at most."),
    ] = None,
    max_latency_s: Annotated[
        float | None,
        typer.Option(
            "--max-seconds", metavar="S", help="Ask only who answers in time, 19 times in 20."
        ),
    ] = None,
    min_quality: Annotated[
        float | None,
        typer.Option(
            "--min-quality", metavar="P", help="Ask only who is so probable to be right, 0 to 1."
        ),
    ] = None,
    weigh: Annotated[
        str | None,
        typer.Option(
            "--weigh",
            metavar="WEIGHTS",
            help="Probability that a second and a dollar are worth: second=.01,dollar=5.",
        ),
    ] = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Take no earlier answer, where the node keeps some.")
    ] = False,
    show_contributors: Annotated[
        bool, typer.Option("--show-contributors", help="Also say who answered, and why.")
    ] = False,
    explain: Annotated[
        bool,
        typer.Option("--explain", help="Also say who was considered, and why the one answered."),
    ] = False,
    tests: Annotated[
        Path | None,
        typer.Option(
            "--tests",
            metavar="FILE",
            help="Unit tests in Python that the answer's code should pass; models never see them.",
        ),
    ] = None,
    url: Url = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Ask the network a question and print the answer as it comes."""
    question = Question(
        messages=_messages(prompt, system),
        model=model,
        timeout_s=timeout_s,
        max_tokens=max_tokens,
        temperature=temperature,
        explain=explain,
        is_fresh=fresh,
        tests=None if tests is None else _tests(tests),
        wish=Wish(
            max_cost_usd=max_cost_usd,
            max_latency_s=max_latency_s,
            min_quality=min_quality,
            weights=weights_in(weigh or ""),
        ),
    )
    address = find_node(url, data_dir)

    async def main() -> Answer:
        async with open_client(address) as client:
            answer = await _answer(client, question, is_shown=not as_json)
            if show_contributors and not as_json:
                await _show_contributors(client, answer)
            return answer

    answer = run(main)
    if as_json:
        write_json(answer)
    elif explain:
        show_explanation(answer.explanation or None, answer.id)


def _messages(prompt: str, system: str | None) -> tuple[dict[str, str], ...]:
    text = sys.stdin.read() if prompt == "-" else prompt
    if not text.strip():
        raise InvalidRequestError(
            'The question is empty: write one, like `modelnet ask "What is 123 plus 456?"`.'
        )
    instructions = ({"role": "system", "content": system},) if system else ()
    return (*instructions, {"role": "user", "content": text})


def _tests(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidRequestError(f"The tests in {path} cannot be read: {error}.") from error


async def _answer(client: NodeClient, question: Question, *, is_shown: bool) -> Answer:
    begun = time.perf_counter()
    chunks: list[ChatChunk] = []
    ends_line = True
    stream = client.chat(**msgspec.structs.asdict(question))
    async with aclosing(stream):
        try:
            async with patience(f"Waiting for {question.model}"):
                chunk = await anext(stream, None)
            while chunk is not None:
                chunks.append(chunk)
                if is_shown and chunk.text:
                    write(chunk.text, newline=False)
                    ends_line = chunk.text.endswith("\n")
                chunk = await anext(stream, None)
        finally:
            if not ends_line:
                write("")
    return _whole(chunks, time.perf_counter() - begun)


def _whole(chunks: list[ChatChunk], seconds: float) -> Answer:
    told = [chunk.modelnet.contributors for chunk in chunks if chunk.modelnet]
    contributors = told[-1] if told else ()
    named = [chunk.model for chunk in chunks if chunk.model]
    reasons = [choice.finish_reason for chunk in chunks for choice in chunk.choices]
    explained = [chunk.modelnet.explanation for chunk in chunks if chunk.modelnet]
    return Answer(
        id=next((chunk.id for chunk in chunks if chunk.id), ""),
        answer="".join(chunk.text for chunk in chunks),
        model=contributors[-1].model if contributors else (named[-1] if named else ""),
        node=contributors[-1].node if contributors else None,
        contributors=contributors,
        usage=next((chunk.usage for chunk in reversed(chunks) if chunk.usage), None),
        finish_reason=next((reason for reason in reversed(reasons) if reason), None),
        seconds=round(seconds, 4),
        explanation=(explained[-1] if explained else None) or msgspec.UNSET,
    )


async def _show_contributors(client: NodeClient, answer: Answer) -> None:
    names = {node.id: node.name for node in await client.nodes()}
    for one in answer.contributors:
        name = names.get(one.node) or short_node_id(one.node)
        write(f"{one.model} of {name}: {one.because}", err=True)
