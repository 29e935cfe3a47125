"""The first process of the sandbox: makes the other two, ends them in time, runs nothing itself.

It reads the code from standard input, then the tests, and writes what they say to standard output.
"""

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from modelnet.resource.sandbox.inside.judge import Judge
from modelnet.resource.sandbox.inside.kernel import WallError, die_with_parent
from modelnet.resource.sandbox.inside.line import GoneError, Line
from modelnet.resource.sandbox.inside.subject import Subject
from modelnet.resource.sandbox.inside.wall import enter_namespaces, raise_walls

_GRACE_S = 1.0
"""What the tests have to say that the code took too long."""


def main() -> None:
    """Judge one piece of code by its tests."""
    asked = Line(0, 1)
    code: dict[str, Any] = asked.receive()
    sys.path.pop(0)
    ends_at = time.monotonic() + code["seconds"]
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
    scratch = enter_namespaces() if code["has_namespaces"] else None
    # A new user namespace takes it back.
    die_with_parent()
    outward, inward = os.pipe(), os.pipe()
    ours, theirs = Line(inward[0], outward[1]), Line(outward[0], inward[1])
    subject = _fork(partial(_live, theirs, code, scratch))
    # Only now, so that the process of the code has no trace of them in its memory.
    tests: str = asked.receive()
    judging = _fork(partial(_judge, ours, tests, scratch, code["seconds"] + _GRACE_S))
    for one in (*outward, *inward):
        os.close(one)
    _attend(subject, judging, ends_at)


def _live(line: Line, code: dict[str, Any], scratch: str | None) -> None:
    raise_walls(scratch, code["seconds"], line)
    Subject(line).live(code["code"])


def _judge(line: Line, tests: str, scratch: str | None, seconds: float) -> None:
    told = os.dup(1)
    try:
        raise_walls(scratch, seconds, (*line, told))
        verdict = Judge(line).verdict(tests)
    except WallError as error:
        verdict = {"broken": str(error)}
    os.write(told, json.dumps(verdict).encode())


def _fork(work: Callable[[], None]) -> int:
    """Do some work in a process of its own, and never come back from it."""
    child = os.fork()
    if child:
        return child
    try:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
        work()
    except (GoneError, WallError):
        os._exit(1)
    finally:
        os._exit(0)


def _attend(subject: int, judging: int, ends_at: float) -> None:
    """Return as soon as the tests have ended; end the code when its time is up, then the tests."""
    if not _is_ended(judging, ends_at):
        _end(subject)
        _is_ended(judging, time.monotonic() + _GRACE_S)
    for one in (judging, subject):
        _end(one)


def _is_ended(child: int, by: float) -> bool:
    while os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        left_s = by - time.monotonic()
        if left_s <= 0.0 or signal.sigtimedwait({signal.SIGCHLD}, left_s) is None:
            return os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
    return True


def _end(child: int) -> None:
    with suppress(ProcessLookupError, ChildProcessError):
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
