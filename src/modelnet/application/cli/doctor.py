"""`modelnet doctor`: what this machine has, what keeps a node from working, and what mends it."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TYPE_CHECKING

import typer

from modelnet.application.cli.asking import patience
from modelnet.application.cli.checkup.finding import Finding
from modelnet.application.cli.loop import run
from modelnet.application.cli.option import DataDir, Json
from modelnet.application.cli.output import console, printable, write, write_json
from modelnet.application.settings import Settings, load_settings
from modelnet.core.error import STATUS_OF, SetupError

if TYPE_CHECKING:
    from rich.console import Console

_WIDTH = 12
_STYLES = {"ok": "green", "warn": "yellow", "fail": "bold red"}


def doctor(data_dir: DataDir = None, as_json: Json = False) -> None:
    """Check this machine, its engines and the node on it.

    Each problem comes with the command that mends it.
    """
    settings = load_settings({"data_dir": data_dir})
    findings = run(lambda: _examine(settings, is_shown=not as_json))
    failed = [finding for finding in findings if finding.level == "fail"]
    if as_json:
        write_json({"is_healthy": not failed, "checks": findings})
    else:
        write(f"\n{_verdict(findings)}")
    if failed:
        raise typer.Exit(STATUS_OF[SetupError].exit_code)


def _verdict(findings: list[Finding]) -> str:
    counts = {level: sum(f.level == level for f in findings) for level in _STYLES}
    if counts["fail"]:
        return f"{counts['fail']} of {len(findings)} checks failed: mend them, then start a node."
    if counts["warn"]:
        return f"A node can start here; {counts['warn']} of {len(findings)} checks found less."
    return "A node can start here: `modelnet up`."


async def _examine(settings: Settings, *, is_shown: bool) -> list[Finding]:
    terminal = console()
    findings: list[Finding] = []
    async with aclosing(_checks(settings)) as checks, patience("Checking"):
        async for finding in checks:
            findings.append(finding)
            if is_shown:
                _show(finding, terminal)
    return findings


async def _checks(settings: Settings) -> AsyncGenerator[Finding, None]:
    from modelnet.application.cli.checkup import extra, hardware, machine, node, offering, sandbox

    yield machine.check_python()
    yield machine.check_packages()
    for finding in hardware.check_hardware(settings.data_dir):
        yield finding
    for finding in machine.check_engines():
        yield finding
    yield offering.check_zoo()
    async for finding in offering.check_zoo_abilities():
        yield finding
    async for finding in offering.check_servers():
        yield finding
    for finding in extra.check_extras():
        yield finding
    yield extra.check_keys()
    yield await sandbox.check_sandbox()
    yield node.check_data_dir(settings.data_dir)
    yield node.check_key(settings.data_dir)
    found, running = await node.check_presence(settings.data_dir)
    yield found
    yield machine.check_port(settings.host, settings.port, running and running.url)
    yield machine.check_loopback()
    yield machine.check_multicast()
    yield machine.check_clock(settings.data_dir)


def _show(finding: Finding, terminal: "Console") -> None:
    from rich.text import Text

    line = Text.assemble(
        (f"{finding.level:<4}", _STYLES[finding.level]),
        f"  {finding.check:<{_WIDTH}} {printable(finding.told)}",
    )
    terminal.print(line)
    if finding.fix:
        why = "to add it" if finding.level == "ok" else "mend it"
        terminal.print(Text(f"{'':<6}{'':<{_WIDTH}} {why}: {printable(finding.fix)}"))
