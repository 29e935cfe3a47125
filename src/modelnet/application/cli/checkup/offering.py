"""Checks of what a node could serve for `modelnet doctor`: the zoo, model servers found here."""

import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

from modelnet.application.cli.checkup.finding import Finding, fail, ok
from modelnet.application.cli.checkup.machine import INSTALL
from modelnet.core.error import ModelFileError


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


async def check_servers() -> AsyncIterator[Finding]:
    """Tell which model servers run on this machine."""
    from modelnet.resource.detection import detect_engines

    engines = await detect_engines()
    if not engines:
        yield ok("servers", "none found on this machine; `modelnet up` serves the zoo")
    for engine in engines:
        models = ", ".join(engine.models) or "no models"
        yield ok("servers", f"{engine.engine} at {engine.url}: {models}")
