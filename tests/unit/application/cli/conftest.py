"""A real gateway in a thread, in front of an answering that the test writes itself."""

import contextlib
import socket
import threading
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from dataclasses import dataclass, field

import pytest
from anyio.from_thread import start_blocking_portal

from modelnet.application.cli.program import run
from modelnet.application.gateway.endpoint import Routes
from modelnet.application.gateway.server import serve_gateway
from modelnet.core.card import ModelCard, Price, Skill
from modelnet.core.chunk import Chunk, Usage
from modelnet.core.identity import NodeId
from modelnet.core.load import ModelLoad
from modelnet.core.standing import Tally
from modelnet.core.task import Contribution, Task
from modelnet.resource.directory import Directory, NodeEntry, Offer
from modelnet.service.explanation import Explanation

ALICE = NodeId("did:key:z6MkAlice0001")
BOB = NodeId("did:key:z6MkBob000002")

OFFERS = (
    Offer(
        node=ALICE,
        node_name="alice",
        card=ModelCard(
            name="zoo:calc",
            operations=("chat", "complete"),
            skills=(Skill("arithmetic", "Arithmetic"), Skill("logic", "Logic")),
            engine="llama.cpp",
            parameters=640_000,
        ),
        is_local=True,
        skills={"arithmetic": Tally(23.0, 24.0)},
    ),
    Offer(
        node=BOB,
        node_name="bob",
        card=ModelCard(
            name="big",
            operations=("chat",),
            engine="openai",
            parameters=7_000_000_000,
            price=Price(0.15, 0.6),
        ),
        load=ModelLoad(2, 3, 2),
    ),
)

Step = Chunk | Contribution
Reply = Callable[[Task], Sequence[Step | Exception]]


def said(*texts: str) -> list[Step | Exception]:
    """Return an answer of alice's calculator."""
    begun: list[Step | Exception] = [Contribution(node=ALICE, model="zoo:calc", because="best.")]
    return [*begun, *(Chunk(t) for t in texts), Chunk(finish="stop", usage=Usage(5, len(texts)))]


@dataclass
class Voice:
    """Answers every task with what the test wrote."""

    reply: Reply = lambda _: said("579")
    known: tuple[Offer, ...] = OFFERS
    heard: list[Task] = field(default_factory=list)
    explanation: Explanation | None = None

    async def answer(self, task: Task) -> AsyncGenerator[Step, None]:
        self.heard.append(task)
        for step in self.reply(task):
            if isinstance(step, Exception):
                raise step
            yield step

    @property
    def directory(self) -> Directory:
        nodes = {offer.node: offer for offer in self.known}
        entries = {
            node: NodeEntry(
                node=node,
                since=0,
                name=offer.node_name,
                cards=tuple(o.card for o in self.known if o.node == node),
            )
            for node, offer in nodes.items()
        }
        me = next((offer.node for offer in self.known if offer.is_local), NodeId("did:key:z6MkMe"))
        return Directory(me, entries)

    def offers(self) -> tuple[Offer, ...]:
        return self.known

    async def explain(self, _: Task) -> Explanation | None:
        return self.explanation


@pytest.fixture
def voice() -> Voice:
    return Voice()


@pytest.fixture(autouse=True)
def at_home(monkeypatch, tmp_path):
    """No setting, key or node of the machine leaks into a test."""
    monkeypatch.chdir(tmp_path)
    for name in ("MODELNET_URL", "MODELNET_API_KEY", "MODELNET_CONFIG", "MODELNET_API_KEYS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MODELNET_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("COLUMNS", "100")


@pytest.fixture
def serve(monkeypatch, voice):
    """Serve the voice on loopback and point MODELNET_URL there; returns the address."""
    with contextlib.ExitStack() as stack:
        portal = stack.enter_context(start_blocking_portal())

        def start(*, keys: Sequence[str] = (), routes: Routes | None = None) -> str:
            url = stack.enter_context(
                portal.wrap_async_context_manager(serve_gateway(voice, keys=keys, routes=routes))
            )
            monkeypatch.setenv("MODELNET_URL", f"{url}/v1")
            return url

        yield start


@contextlib.contextmanager
def canned(reply: bytes) -> Iterator[str]:
    """A server that reads a request, sends `reply` and hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(10)

        def talk() -> None:
            # Closing the server ends `accept`; a client may come twice.
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = server.accept()
                    with connection:
                        connection.settimeout(10)
                        connection.recv(65536)
                        connection.sendall(reply)

        thread = threading.Thread(target=talk)
        thread.start()
        try:
            yield "http://{}:{}".format(*server.getsockname())
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join()


@pytest.fixture(name="canned")
def _canned():
    return canned


@dataclass(frozen=True)
class Result:
    """How a command ended."""

    code: int
    out: str
    err: str


@pytest.fixture
def cli(capsys):
    """Run a command in this process."""

    def invoke(*arguments: str) -> Result:
        code = run(arguments)
        out, err = capsys.readouterr()
        return Result(code, out, err)

    return invoke
