"""Code that wants out: files, network, processes, memory, time, and verdicts of its own making."""

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import anyio
import psutil
import pytest

from modelnet.core.error import SetupError
from modelnet.resource.sandbox.inside.wall import obstacle
from modelnet.resource.sandbox.sandbox import Sandbox

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.live,
    pytest.mark.skipif(obstacle() is not None, reason=f"no sandbox here: {obstacle()}"),
]

TESTS_S = 6.0
PATIENT_S = 30.0

PLAIN = "def f(*given):\n    return given\n"


@pytest.fixture(params=[True, False], ids=["namespaces", "no namespaces"])
def sandbox(request: pytest.FixtureRequest) -> Sandbox:
    return Sandbox(TESTS_S, has_namespaces=request.param)


@pytest.fixture
def secret() -> Iterator[Path]:
    # Not below /tmp, which the sandbox cannot even see.
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        Path(folder).chmod(0o755)
        key = Path(folder) / "id_ed25519"
        key.write_text("a secret")
        yield key


def raising(*bodies: str) -> str:
    """Return code whose `f` does all that is written, and tells what became of each."""
    said = "".join(f"    told.append(tried({body!r}))\n" for body in bodies)
    return (
        "import os, socket, signal, subprocess, ctypes\n"
        "def tried(body):\n    try:\n        exec(body, dict(globals()))\n"
        "    except BaseException as error:\n        return type(error).__name__\n"
        "    return 'done'\n"
        f"def f():\n    told = []\n{said}    return told\n"
    )


async def said(sandbox: Sandbox, *bodies: str) -> set[str]:
    """Return what became of all of them."""
    told = "told = f()\nassert False, ' '.join(told)"
    with anyio.fail_after(PATIENT_S):
        proof = await sandbox.judge(raising(*bodies), told)
    lead, _, names = proof.because.partition("AssertionError: ")
    assert lead.startswith("line 2 of the tests"), proof
    assert len(names.split()) == len(bodies)
    return set(names.split())


async def test_it_tells_right_from_wrong(sandbox):
    await sandbox.trial()
    wrong = await sandbox.judge("def add(a, b):\n    return a - b\n", "assert add(1, 2) == 3")
    assert wrong.is_right is False
    assert wrong.because == "line 1 of the tests: AssertionError"


# Files


async def test_files_of_the_user_are_out_of_reach(sandbox, secret):
    key, folder = str(secret), str(secret.parent)
    told = await said(
        sandbox,
        f"open({key!r}).read()",
        f"open({key!r}, 'w').write('mine')",
        f"os.listdir({folder!r})",
        f"os.open({key!r}, os.O_RDONLY | os.O_TRUNC)",
        "open('/proc/self/environ').read()",
        "os.listdir('/')",
    )
    assert told == {"PermissionError"}
    assert secret.read_text() == "a secret"


async def test_nothing_of_the_user_is_changed(sandbox, secret):
    before, key = secret.stat(), str(secret)
    told = await said(
        sandbox,
        f"os.chmod({key!r}, 0)",
        f"os.truncate({key!r}, 0)",
        f"os.utime({key!r}, (0, 0))",
        f"os.setxattr({key!r}, 'user.mine', b'x')",
        f"os.chown({key!r}, 1, 1)",
        f"os.unlink({key!r})",
        f"os.rename({key!r}, {key + '2'!r})",
        f"os.symlink({key!r}, {key + '2'!r})",
        f"os.link({key!r}, {key + '2'!r})",
        f"os.mkdir({key + '2'!r})",
        "os.chroot('/')",
    )
    assert told == {"PermissionError"}
    after = secret.stat()
    assert (after.st_mode, after.st_size, after.st_mtime, after.st_uid) == (
        before.st_mode, before.st_size, before.st_mtime, before.st_uid,
    )  # fmt: skip
    assert [one.name for one in secret.parent.iterdir()] == [secret.name]


async def test_the_tests_see_no_more_than_the_code(sandbox, secret):
    tests = (
        f"f()\ntry:\n    open({str(secret)!r})\nexcept OSError:\n    pass\nelse:\n    assert False"
    )
    proof = await sandbox.judge(PLAIN, tests)
    assert proof.is_right, proof


async def test_the_environment_is_empty(sandbox, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "a secret")
    code = "import os, sys\ndef f():\n    return dict(os.environ), sys.argv\n"
    proof = await sandbox.judge(code, "env, argv = f()\nassert 'OPENAI_API_KEY' not in env, env")
    assert proof.is_right, proof


async def test_no_open_file_is_handed_on(sandbox, secret):
    with secret.open() as held:
        os.set_inheritable(held.fileno(), True)
        assert await said(sandbox, f"os.read({held.fileno()}, 8)") == {"OSError"}
        assert held.read() == "a secret"


async def test_a_directory_to_work_in_is_gone_afterwards():
    written = (
        "import tempfile\ntempfile.TemporaryFile().write(b'x')\nopen('/tmp/left', 'w').write('x')"
    )
    if await said(Sandbox(TESTS_S), written) == {"FileNotFoundError"}:
        pytest.skip("this kernel gives no namespaces to users")
    assert await said(Sandbox(TESTS_S), written) == {"done"}
    assert not os.path.exists("/tmp/left")  # noqa: ASYNC240, PTH110


async def test_a_directory_that_is_deleted_is_only_its_own(tmp_path):
    # Only where it is empty is it the sandbox's own.
    body = (
        "import shutil\nif not os.listdir('/tmp'):\n    shutil.rmtree('/tmp', ignore_errors=True)"
    )
    assert await said(Sandbox(TESTS_S), body) <= {"done", "PermissionError"}
    assert tmp_path.is_dir()


# Network, and other processes


async def test_nobody_is_called(sandbox):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        body = f"socket.create_connection({listener.getsockname()!r}, timeout=2)"
        assert await said(sandbox, body) == {"PermissionError"}
        with pytest.raises(BlockingIOError):
            listener.accept()


async def test_nobody_is_called_by_path(sandbox, tmp_path):
    path = str(tmp_path / "s")
    pair = "one, two = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)\n"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(path)
        listener.setblocking(False)
        told = await said(
            sandbox,
            f"socket.socket(socket.AF_UNIX).connect({path!r})",
            f"{pair}one.sendto(b'x', {path!r})",
            f"{pair}one.connect({path!r})",
        )
        assert told == {"PermissionError"}
        with pytest.raises(BlockingIOError):
            listener.recv(1)


async def test_no_process_is_made_or_touched(sandbox):
    told = await said(
        sandbox,
        "for _ in range(1000):\n    if os.fork() == 0:\n        os._exit(0)",
        "subprocess.run(['/bin/true'])",
        "os.execv('/bin/true', ['true'])",
        "os.posix_spawn('/bin/true', ['true'], {})",
        "os.kill(os.getppid(), 0)",
        "os.kill(-1, 0)",
        "os.killpg(0, 0)",
        "os.setsid()",
        "import fcntl\nfcntl.fcntl(0, fcntl.F_SETOWN, os.getppid())",
        "import resource\nresource.prlimit(os.getppid(), resource.RLIMIT_CPU, (1000, 1000))",
    )
    assert told == {"PermissionError"}


async def test_rare_calls_of_the_kernel_are_refused(sandbox):
    if os.uname().machine != "x86_64":
        pytest.skip("these are the numbers of x86_64")
    # ptrace, mount, unshare, process_vm_readv, bpf, io_uring_setup, open_tree, clone3, memfd_create
    numbers = [101, 165, 272, 310, 321, 425, 428, 435, 319]
    body = (
        "libc = ctypes.CDLL(None, use_errno=True)\n"
        "libc.syscall({}, 0, 0, 0, 0)\n"
        "raise OSError(ctypes.get_errno(), '')"
    )
    assert await said(sandbox, *map(body.format, numbers)) == {"PermissionError"}


# Memory, disk, time


async def test_memory_is_bounded(sandbox):
    assert await said(sandbox, "bytearray(4 << 30)", "'(' * 10**9") == {"MemoryError"}


async def test_the_disk_is_bounded(sandbox):
    told = await said(
        sandbox,
        "with open('big', 'wb') as file:\n"
        "    for _ in range(1024):\n        file.write(bytes(1 << 20))",
        "for i in range(1024):\n"
        "    with open(str(i), 'wb') as file:\n        file.write(bytes(1 << 20))",
    )
    assert told <= {"OSError", "PermissionError"}


@pytest.mark.parametrize(
    "code",
    [
        "while True:\n    pass\n",
        "def f():\n    while True:\n        pass\n",
        "import signal\nfor one in {1, 2, 3, 13, 14, 15, 24}:\n"
        "    signal.signal(one, signal.SIG_IGN)\nwhile True:\n    pass\n",
        "import time\ndef f():\n    time.sleep(1000)\n",
        "def f():\n    f()\n",
    ],
)
async def test_code_that_does_not_end_is_ended_and_wrong(code):
    began = time.monotonic()
    proof = await Sandbox(1.0).judge(code, "assert f() == 1")
    assert proof.is_right is False
    assert time.monotonic() - began < PATIENT_S


async def test_tests_that_do_not_end_tell_nothing():
    proof = await Sandbox(1.0).judge(PLAIN, "f()\nwhile True:\n    pass")
    assert proof.is_right is None
    assert proof.because == "the tests did not end"


async def test_nothing_goes_on_after_a_cancel():
    others = psutil.Process().children(recursive=True)
    with anyio.move_on_after(0.7):
        await Sandbox(TESTS_S).judge("while True:\n    pass", "f()")
    assert set(psutil.Process().children(recursive=True)) <= set(others)


def test_everything_ends_with_the_node():
    program = (
        "import anyio\nfrom modelnet.resource.sandbox.sandbox import Sandbox\n"
        "anyio.run(Sandbox(5.0).judge, 'while True: pass', 'f()')\n"
    )
    with subprocess.Popen([sys.executable, "-c", program]) as process:
        node = psutil.Process(process.pid)
        until = time.monotonic() + PATIENT_S
        while len(family := node.children(recursive=True)) < 3 and time.monotonic() < until:
            pass
        process.kill()
    assert len(family) == 3
    # Not by the time limit, of which five seconds are left.
    _, alive = psutil.wait_procs(family, timeout=3.0)
    assert alive == []


# Verdicts


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("print('passed', flush=True)\nimport os\nos._exit(0)\n", False),
        ("def f():\n    import sys\n    sys.exit(0)\n", False),
        ("import builtins, sys\nbuiltins.AssertionError = Exception\nsys.modules.clear()\n", False),
        ("import os\nos.write(1, b'{\"is_right\": true}')\ndef f():\n    return 2\n", False),
        (
            "import os, json\n"
            "told = json.dumps({'is_right': True, 'because': 'mine'}).encode()\n"
            "for one in range(3, 32):\n"
            "    try:\n"
            "        os.write(one, len(told).to_bytes(4, 'big') + told)\n"
            "    except OSError:\n"
            "        pass\n"
            "def f():\n    return 2\n",
            False,
        ),
        (
            "class Always(int):\n    def __eq__(self, other):\n        return True\n"
            "    __hash__ = int.__hash__\ndef f():\n    return Always(2)\n",
            False,
        ),
        (
            "class Always:\n    def __eq__(self, _):\n        return True\n"
            "def f():\n    return Always()\n",
            None,
        ),
        ("class Never:\n    pass\ndef f():\n    return Never()\n", False),
        (
            "import gc\nfor one in gc.get_objects():\n"
            "    if isinstance(one, dict):\n        one.pop('tests', 0)\n",
            False,
        ),
        ("def f(:\n", False),
        ("", False),
        # Names that the tests take for the built-in ones.
        (
            "def bool(x):\n    return True\nint = float = abs = bool\ndef f():\n    return 2\n",
            False,
        ),
        (
            "import gc\n"
            "def f():\n    return 2\n"
            "def zero(_):\n    return 0\n"
            "me = next(one for one in gc.get_objects() if type(one).__name__ == 'Subject')\n"
            "names = {'f': f, 'abs': zero, '__name__': 'mine', '__builtins__': {'abs': zero}}\n"
            "names = {name: me._encoded(value) for name, value in names.items()}\n"
            "me._line.send({'names': names})\n"
            "while True:\n    me._do(me._line.receive())\n",
            False,
        ),
        # A number that is near every other.
        (
            "class Near:\n    def __sub__(self, _):\n        return self\n"
            "    __rsub__ = __sub__\n    def __abs__(self):\n        return 0\n"
            "    def __round__(self, *_):\n        return 0\n"
            "def f():\n    return Near()\n",
            None,
        ),
        (
            "class Near:\n    def __sub__(self, _):\n        return 0\n    __rsub__ = __sub__\n"
            "def f():\n    return Near()\n",
            None,
        ),
    ],
)
async def test_no_code_makes_its_own_verdict(code, told):
    """Each would pass one of these, were it believed."""
    near = "assert abs(f() - 1) < 0.01 and abs(1 - f()) < 0.01"
    equal, near = [
        (await Sandbox(TESTS_S).judge(code, tests)).is_right for tests in ("assert f() == 1", near)
    ]
    assert told in (equal, near)
    assert equal is not True
    assert near is not True


async def test_the_code_has_no_trace_of_the_tests():
    code = (
        "import gc, sys\n"
        "def f():\n"
        "    frame, seen = sys._getframe(), []\n"
        "    while frame:\n"
        "        seen.append(repr(frame.f_locals) + repr(frame.f_globals))\n"
        "        frame = frame.f_back\n"
        "    seen += [repr(one) for one in gc.get_objects() if type(one) in (dict, list, tuple)]\n"
        "    text = ''.join(seen)\n"
        "    return 'KRAM'[::-1] + str(1) in text, 'get_objects' in text\n"
    )
    # It finds its own text, so that it would find the tests'.
    proof = await Sandbox(TESTS_S).judge(code, "assert f() == (False, True)  # MARK1")
    assert proof.is_right, proof


async def test_what_the_code_says_does_not_confuse_a_log():
    code = "def f():\n    raise ValueError('x\\n12:00:00 \\x1b[2J ' * 1000)\n"
    proof = await Sandbox(TESTS_S).judge(code, "f()")
    assert proof.is_right is False
    assert proof.because.isprintable()
    assert len(proof.because) < 500


async def test_text_that_is_no_text_is_wrong_code():
    for code in ("x = '\ud800'", "x = '\0'", "#" * 65_536):
        assert (await Sandbox(TESTS_S).judge(code, "assert f() == 1")).is_right is False


@pytest.mark.parametrize(
    ("code", "tests"),
    [
        (PLAIN, ""),
        (PLAIN, "assert 1 == 1"),
        (PLAIN, "def f(:"),
        (PLAIN, "f(object())"),
        (PLAIN, "raise SystemExit(0)"),
        ("import numpy\n" + PLAIN, "f()"),
        ("def f():\n    import numpy\n", "f()"),
    ],
)
async def test_what_proves_nothing_tells_nothing(code, tests):
    proof = await Sandbox(TESTS_S).judge(code, tests)
    assert proof.is_right is None
    assert proof.because


STACK = """
from dataclasses import dataclass

LIMIT = 3

class Full(Exception):
    pass

class Stack:
    def __init__(self):
        self.items = []

    def push(self, item):
        if len(self.items) == LIMIT:
            raise Full(f"holds {LIMIT}")
        self.items.append(item)

    def __len__(self):
        return len(self.items)

    def __iter__(self):
        return iter(self.items)

    def __contains__(self, item):
        return item in self.items

@dataclass
class Point:
    x: int
    y: int = 0

    def __add__(self, other):
        return Point(self.x + other.x, self.y + other.y)

    def __mul__(self, factor):
        return Point(self.x * factor, self.y * factor)

    __rmul__ = __mul__

    def __abs__(self):
        return (self.x**2 + self.y**2) ** 0.5

def max(items):
    return sorted(items)[-1]

def sort(items, key=None):
    items.sort(key=key)

def counting():
    yield from range(3)

def retried(call):
    try:
        return call()
    except ValueError:
        return call()

def memoized(call):
    known = {}
    def asked(x):
        if x not in known:
            known[x] = call(x)
        return known[x]
    return asked

async def later(x):
    import asyncio
    await asyncio.sleep(0)
    return x
"""

TESTS = """
import asyncio
import unittest
import pytest
from solution import Full, Stack

def test_objects():
    stack = Stack()
    stack.push((1, {2: {3}}))
    assert len(stack) == 1 and stack and (1, {2: {3}}) in stack
    assert list(stack) == [(1, {2: {3}})] == stack.items
    assert isinstance(stack, Stack) and not isinstance(stack, Point)
    stack.items = [1, 2, LIMIT]
    with pytest.raises(Full, match="holds 3"):
        stack.push(4)

def test_own_equality():
    assert Point(1) == Point(1, 0) != Point(2)
    assert repr(Point(1)) == "Point(x=1, y=0)"

def test_own_arithmetic():
    assert Point(1, 2) + Point(3, 4) == Point(4, 6) == 2 * Point(2, 3)
    assert abs(Point(3, 4)) == 5
    assert (Point(1, 2) * 3).y == 6

def test_names_that_are_built_in_are_asked_for():
    import solution
    assert solution.max([1, 3, 2]) == 3 and solution.max is not max

def test_changed_in_place():
    items = [[2], [1]]
    sort(items)
    assert items == [[1], [2]]
    sort(items, key=lambda one: -one[0])
    assert items == [[2], [1]]

@pytest.mark.parametrize("given, due", [(0, 0), (1, 1)])
def test_calls_back(given, due):
    calls = []
    def double(x):
        calls.append(x)
        return x
    quick = memoized(double)
    assert (quick(given), quick(given)) == (due, due)
    assert calls == [given]

def test_errors_of_the_tests_reach_the_code():
    answers = iter([ValueError("no"), 5])
    def call():
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer
    assert retried(call) == 5

def test_generators_and_coroutines():
    assert list(counting()) == [0, 1, 2]
    assert asyncio.run(later(2**70)) == 2**70
    assert sort.__name__ == "sort"

class TestMethods:
    def test_near(self):
        assert asyncio.run(later([0.1 + 0.2])) == pytest.approx([0.3])

class Case(unittest.TestCase):
    def setUp(self):
        self.stack = Stack()
    def test_empty(self):
        self.assertEqual(len(self.stack), 0)
"""


async def test_tests_as_people_write_them():
    proof = await Sandbox(TESTS_S).judge(STACK, TESTS)
    assert proof.is_right, proof


@pytest.mark.parametrize(
    "broken",
    [
        ("self.items.append(item)", "self.items.insert(0, item + item)"),
        ("items.sort(key=key)", "pass"),
        ("known[x] = call(x)", "known[x] = call(x + 0) + call(x)"),
        ("except ValueError", "except KeyError"),
        ("return x\n", "return x + 1\n"),
        ("return len(self.items)", "return 1"),
    ],
)
async def test_each_of_these_tests_can_fail(broken):
    old, new = broken
    assert old in STACK
    proof = await Sandbox(TESTS_S).judge(STACK.replace(old, new), TESTS)
    assert proof.is_right is False, proof


async def test_where_a_wall_is_missing_nothing_is_run(monkeypatch):
    monkeypatch.setattr("modelnet.resource.sandbox.sandbox.obstacle", lambda: "no wall")
    with pytest.raises(SetupError, match="no wall"):
        await Sandbox(TESTS_S).judge(PLAIN, "f()")
