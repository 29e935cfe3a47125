"""Checks of what a node could serve for `modelnet doctor`: the zoo, model servers found here."""

import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

import anyio

from modelnet.application.cli.checkup.finding import Finding, fail, ok, warn
from modelnet.application.cli.checkup.machine import INSTALL
from modelnet.core.card import ModelCard
from modelnet.core.error import ModelFileError, ModelnetError

if TYPE_CHECKING:
    from modelnet.resource.detection import DetectedEngine
    from modelnet.resource.model import Model

START_S = 30.0
"""For one model to start; a server may have to load it first."""

_TO_GET_A_MODEL = {"Ollama": "ollama pull llama3.2", "LM Studio": "lms get"}


def check_zoo() -> Finding:
    """Check that the models of the zoo are here and are the ones that were shipped."""
    from modelnet.resource import zoo

    try:
        entries = zoo.zoo_entries()
    except ModelFileError as error:
        return fail("zoo", error.message, INSTALL)
    damaged = [
        name for name, entry in entries.items() if _sha256(zoo.FOLDER / entry.file) != entry.sha256
    ]
    if damaged:
        return fail("zoo", f"damaged: {', '.join(damaged)}", INSTALL)
    return ok("zoo", ", ".join(entries))


def _sha256(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return ""


async def check_zoo_abilities() -> AsyncIterator[Finding]:
    """Tell what the embedded engine can do, from a model that was started."""
    from modelnet.resource import zoo

    try:
        name = next(iter(zoo.zoo_entries()), None)
    except ModelFileError:
        name = None
    if name is not None:
        yield await check_abilities(name, name, INSTALL)


async def check_servers() -> AsyncIterator[Finding]:
    """Tell which model servers run on this machine, and what the first model of each can do."""
    from modelnet.resource.detection import detect_engines

    engines = await detect_engines()
    if not engines:
        yield ok("servers", "none found on this machine; `modelnet up` serves the zoo")
    for engine in engines:
        yield _server(engine)
        if engine.models:
            specification = engine.specifications[0]
            alone = f"modelnet up --model '{specification}'"
            yield await check_abilities(specification, engine.models[0], alone)


def _server(engine: "DetectedEngine") -> Finding:
    told = f"{engine.engine} at {engine.url}"
    if engine.needs_key:
        fix = f"MY_KEY=... modelnet up --model '{engine.specification_with_key}'"
        return warn("servers", f"{told}: wants its key, in a variable", fix)
    if engine.models:
        return ok("servers", f"{told}: {', '.join(engine.models)}")
    get = _TO_GET_A_MODEL.get(engine.engine)
    return (
        warn("servers", f"{told}: no models", get) if get else ok("servers", f"{told}: no models")
    )


async def check_abilities(specification: str, name: str, fix: str) -> Finding:
    """Start a model, tell what its card says it can do, and stop it."""
    from modelnet.resource.specification import model_from

    try:
        model = model_from(specification)
        with anyio.fail_after(START_S):
            card = await _started(model)
    except TimeoutError:
        return warn("abilities", f"{name} did not start within {START_S:.0f} s", fix)
    except ModelnetError as error:
        return warn("abilities", f"{name} does not start: {error.message}", fix)
    return ok("abilities", f"{name}: {abilities(card)}")


async def _started(model: "Model") -> ModelCard:
    try:
        await model.start()
        return model.card
    finally:
        with anyio.CancelScope(shield=True):
            await model.stop()


def abilities(card: ModelCard) -> str:
    """Return what a card says a model can do, in words."""
    extras = {
        "log-probabilities": card.has_logprobs,
        "tools": card.has_tools,
        "JSON schemas": card.has_schema,
        "images": card.has_vision,
        "goes on with begun answers": card.can_continue and "chat" in card.operations,
    }
    parts = [", ".join(card.operations), ", ".join(name for name, has in extras.items() if has)]
    parts.append(f"{card.parallel} at once")
    return "; ".join(part for part in parts if part)
