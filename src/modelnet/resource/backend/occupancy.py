"""How busy engines say they are: llama.cpp by its slots, vLLM and SGLang by their metrics."""

import re
from typing import Any
from urllib.parse import quote

import msgspec

from modelnet.core.error import EngineError
from modelnet.core.load import EngineLoad
from modelnet.resource.backend.http.client import Client

MAX_TOLD = 1 << 20
"""No engine has more requests than that: other numbers are garbage."""


class _Props(msgspec.Struct):
    is_sleeping: bool = False


class _Slot(msgspec.Struct):
    is_processing: bool


async def slots_load(
    client: Client, root: str, name: str, model: str | None, deadline: float
) -> EngineLoad:
    """Return how busy a llama.cpp server is, without waking one that sleeps.

    It tells nothing of requests that wait. `model` names one of several that a router serves.

    Raises:
        ModelnetError: it does not say; it may have been started with `--no-slots`.
    """
    # A router would load the model to answer.
    query = f"?model={quote(model, safe='')}&autoload=false" if model else ""
    if _is_sleeping(await client.get(f"{root}/props{query}", deadline)):
        return EngineLoad()
    return read_slots(name, await client.get(f"{root}/slots{query}", deadline))


def _is_sleeping(told: Any) -> bool:
    try:
        return msgspec.convert(told, _Props).is_sleeping
    except msgspec.ValidationError:
        return False


def read_slots(name: str, told: Any) -> EngineLoad:
    """Read the answer of `/slots`.

    Raises:
        EngineError: it lists no slots.
    """
    try:
        slots = msgspec.convert(told, list[_Slot])
    except msgspec.ValidationError as error:
        raise EngineError(f"{name} lists no slots; start it with --slots.") from error
    return EngineLoad(sum(slot.is_processing for slot in slots), 0, len(slots) or None)


async def metrics_load(client: Client, root: str, name: str, deadline: float) -> EngineLoad:
    """Return how busy a vLLM or SGLang server is.

    Raises:
        ModelnetError: it does not say; SGLang does if started with `--enable-metrics`.
    """
    answer = await client.exchange("GET", f"{root}/metrics", deadline, headers={})
    return read_metrics(name, client.accepted(answer))


# https://prometheus.io/docs/instrumenting/exposition_formats
_SAMPLE = re.compile(
    rb"^(?:(?:vllm:num_requests_|sglang:num_)(?:(running|running_reqs)|(waiting|queue_reqs)))"
    rb"(?:\{(.*)\})? +([\d.e+]{1,30})",
    re.MULTILINE,
)
# Of one engine on several devices, each may tell what all of them do.
_REPEATED = re.compile(rb'\b[tp]p_rank="(?!0")')


def read_metrics(name: str, told: bytes) -> EngineLoad:
    """Read the answer of `/metrics`; several engines behind one address count as one.

    Raises:
        EngineError: it tells no numbers of requests.
    """
    running: list[int] = []
    waiting: list[int] = []
    for runs, _, labels, value in _SAMPLE.findall(told):
        if not _REPEATED.search(labels):
            (running if runs else waiting).append(_count(name, value))
    if not running:
        raise EngineError(f"{name} tells no numbers of its requests.")
    return EngineLoad(sum(running), sum(waiting))


def _count(name: str, value: bytes) -> int:
    try:
        count = float(value)
    except ValueError as error:
        raise EngineError(f"{name} tells numbers that are none.") from error
    return int(min(count, MAX_TOLD))
