"""Checks of this machine for `modelnet doctor`: Python, packages, sockets, clock."""

import importlib
import re
import socket
import struct
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from modelnet.application.cli.checkup.finding import Finding, fail, ok, warn
from modelnet.application.settings import DEFAULT_PORT

DISTRIBUTION = "ai-modelnet"
INSTALL = f"python -m pip install --upgrade {DISTRIBUTION}"

OLDEST_PYTHON = (3, 11)
MULTICAST_GROUP = ("224.0.0.224", 7446)
"""Where nodes look for each other on a local network."""

_MULTICAST_WAIT_S = 0.5
_RELEASED_AT = datetime(2026, 11, 1, tzinfo=UTC).timestamp()
_CLOCK_TOLERANCE_S = 30.0
_ENGINES = {"xllamacpp": "llama.cpp", "zenoh": "zenoh"}


def check_python() -> Finding:
    """Check the interpreter."""
    told = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < OLDEST_PYTHON:
        return fail("python", f"{told} is too old", "install Python 3.11 or later")
    return ok("python", told)


def check_packages() -> Finding:
    """Check that everything this package needs is installed."""
    missing = [name for name in _required() if _version(name) is None]
    if missing:
        return fail("packages", f"missing: {', '.join(missing)}", INSTALL)
    return ok("packages", f"{DISTRIBUTION} {_version(DISTRIBUTION) or 'from source'}")


def _required() -> list[str]:
    try:
        lines = requires(DISTRIBUTION) or []
    except PackageNotFoundError:
        return [DISTRIBUTION]
    # What is only for an extra or another platform has a marker after a semicolon.
    return [re.split(r"[^A-Za-z0-9._-]", line, maxsplit=1)[0] for line in lines if ";" not in line]


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def check_engines() -> Iterator[Finding]:
    """Check that the compiled engines load on this machine."""
    for module, name in _ENGINES.items():
        try:
            importlib.import_module(module)
        except (ImportError, OSError) as error:
            yield fail(name, f"does not load: {error}", INSTALL)
        else:
            yield ok(name, _version({"zenoh": "eclipse-zenoh"}.get(module, module)) or "loads")


def check_port(host: str, port: int | None, running_url: str | None) -> Finding:
    """Check that the OpenAI URL can have its port."""
    wanted = DEFAULT_PORT if port is None else port
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, wanted))
        except OSError as error:
            return _port_taken(wanted, error, running_url, is_strict=port is not None)
    return ok("port", f"{wanted} is free")


def _port_taken(port: int, error: OSError, running_url: str | None, *, is_strict: bool) -> Finding:
    if running_url is not None and f":{port}" in running_url:
        return ok("port", f"{port} is this node's own")
    told = f"{port} cannot be had ({error.strerror})"
    if is_strict:
        return fail("port", told, "modelnet up --port 0")
    return ok("port", f"{told}; the next free one is taken")


def check_loopback() -> Finding:
    """Check that programs of this machine can reach each other."""
    try:
        with socket.create_server(("127.0.0.1", 0)) as server:
            socket.create_connection(server.getsockname(), timeout=1.0).close()
    except OSError as error:
        return fail("loopback", f"127.0.0.1 does not answer ({error})", "sudo ip link set lo up")
    return ok("loopback", "127.0.0.1 answers")


def check_multicast() -> Finding:
    """Check that a packet sent to the nodes of the local network comes back."""
    try:
        _send_to_group()
    except OSError as error:
        why = "nothing came back" if isinstance(error, TimeoutError) else str(error)
        return warn(
            "multicast",
            f"nodes on this network are not found by themselves ({why})",
            "modelnet up --no-multicast --join tcp/HOST:PORT",
        )
    return ok("multicast", "nodes on this network can be found")


def _send_to_group() -> None:
    group, _ = MULTICAST_GROUP
    member = struct.pack("4sl", socket.inet_aton(group), socket.INADDR_ANY)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("", 0))
        receiver.settimeout(_MULTICAST_WAIT_S)
        receiver.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, member)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 1)
            sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 1)
            sender.sendto(b"modelnet doctor", (group, receiver.getsockname()[1]))
            receiver.recv(64)


def check_clock(data_dir: Path, now: float | None = None) -> Finding:
    """Check the clock against what it cannot be earlier than: nodes refuse messages 30 s off."""
    read = time.time() if now is None else now
    fix = "sudo timedatectl set-ntp true"
    if read < _RELEASED_AT:
        return fail("clock", f"{_date(read)} is before this version was released", fix)
    newest = max((file.stat().st_mtime for file in _files(data_dir)), default=0.0)
    if newest > read + _CLOCK_TOLERANCE_S:
        return fail("clock", f"{_date(read)} is before this node last wrote, {_date(newest)}", fix)
    return ok("clock", _date(read))


def _files(directory: Path) -> list[Path]:
    try:
        return list(directory.iterdir())
    except OSError:
        return []


def _date(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S} UTC"
