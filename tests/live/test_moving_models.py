"""Models that move between real nodes, each a process: pulled, killed midway, gone on with."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from pathlib import Path

import anyio
import pytest

from modelnet.application.address import NodeAddress
from modelnet.application.client import NodeClient, open_client
from modelnet.application.demo.process import Fleet, NodeProcess, NodeSpec, plain_environment
from modelnet.core.error import ModelnetError, UnsupportedError
from modelnet.interaction.transfer import Pulled
from modelnet.trust.invitation import Invitation
from tests.conformance.tiny_gguf import write_tiny_gguf

pytestmark = [pytest.mark.anyio, pytest.mark.live]

PATIENCE_S = 60.0
PADDING_BYTES = 300 << 20
"""Bytes after the weights, which no engine reads: enough to be caught in the middle."""


@pytest.fixture
async def fleet(tmp_path: Path):
    async with Fleet(tmp_path) as fleet:
        yield fleet


@pytest.fixture
def large(tmp_path: Path) -> Path:
    path = write_tiny_gguf(tmp_path / "large.gguf")
    with path.open("ab") as file:
        block = os.urandom(1 << 20)
        for number in range(PADDING_BYTES >> 20):
            file.write(number.to_bytes(8, "big") + block[8:])
    return path


async def start(fleet: Fleet, name: str, *models: str, join: NodeProcess | None = None, flags=()):
    spec = NodeSpec(
        name=name,
        network="test-moving",
        models=models,
        join=tuple(join.ready.listen) if join else (),
        flags=("--no-exams", *flags),
    )
    return await fleet.start_node(spec)


def client_of(node: NodeProcess):
    return open_client(NodeAddress(node.base_url))


async def until(is_reached: Callable[[], Awaitable[bool]]) -> None:
    """Return when it is so: a node is asked again and again."""
    with anyio.fail_after(PATIENCE_S):
        while not await is_reached():  # noqa: ASYNC110 - HTTP brings no news
            await anyio.sleep(0.05)


async def until_offered(client: NodeClient, model: str, *, count: int) -> None:
    """Return when so many nodes offer the model with a file that is known."""

    async def is_offered() -> bool:
        offers = await client.models()
        return count == sum(o.card.name == model and bool(o.card.artifact) for o in offers)

    await until(is_offered)


async def until_there(client: NodeClient, *, nodes: int) -> None:
    """Return when so many nodes are known."""

    async def are_there() -> bool:
        return len(await client.nodes()) == nodes

    await until(are_there)


async def pulled(client: NodeClient, model: str) -> Pulled:
    steps = client.pull(model, source=None, serve=True, timeout_s=PATIENCE_S)
    async with aclosing(steps):
        return [step.pulled async for step in steps if step.pulled][-1]


def command(*arguments: str, node: NodeProcess) -> dict:
    """Run a command of the program and return its JSON."""
    run = subprocess.run(
        [sys.executable, "-m", "modelnet", *arguments, "--json", "--url", node.base_url],
        capture_output=True,
        text=True,
        env=plain_environment(os.environ),
        check=False,
    )
    return {"code": run.returncode, **json.loads(run.stdout)}


def modes_in(folder: Path) -> set[int]:
    return {path.stat().st_mode & 0o777 for path in (folder, *folder.rglob("*"))}


def content_in(copies: Path) -> bytes:
    return next(copies.glob("*/model")).read_bytes()


async def test_a_model_of_the_zoo_is_pulled_and_answers(fleet: Fleet, tmp_path):
    giver = await start(fleet, "giver", "zoo:calc")
    taker = await start(fleet, "taker", join=giver)
    async with client_of(taker) as client:
        await until_offered(client, "zoo:calc", count=1)
    told = await anyio.to_thread.run_sync(lambda: command("pull", "zoo:calc", node=taker))
    assert told["code"] == 0
    assert told["is_served"]
    giver.kill()
    await giver.bury()
    asked = ("ask", "-m", "zoo:calc@taker", "What is 12 plus 5?")
    answer = await anyio.to_thread.run_sync(lambda: command(*asked, node=taker))
    assert (answer["code"], answer["answer"]) == (0, "17")
    assert modes_in(tmp_path / "taker" / "copies") == {0o600, 0o700}


async def test_a_node_killed_in_the_middle_of_a_pull_goes_on_where_it_was(
    fleet: Fleet, large, tmp_path
):
    giver = await start(fleet, "giver", f"large=gguf:{large}?copy=yes")
    taker = await start(fleet, "taker", join=giver)
    async with client_of(taker) as client:
        await until_offered(client, "large", count=1)
        steps = client.pull("large", source=None, serve=True, timeout_s=PATIENCE_S)
        async for step in steps:
            if step.progress and step.progress.done_bytes > 0:
                break
        taker.kill()
        await steps.aclose()
    await taker.bury()
    again = await start(fleet, "taker", join=giver)
    async with client_of(again) as client:
        await until_offered(client, "large", count=1)
        steps = client.pull("large", source=None, serve=True, timeout_s=PATIENCE_S)
        told = [step async for step in steps]
    first = told[0].progress
    assert first is not None
    assert 0 < first.done_bytes < first.of_bytes
    assert told[-1].pulled is not None
    assert content_in(tmp_path / "taker" / "copies") == large.read_bytes()


async def test_a_copy_survives_a_restart_and_is_handed_on(fleet: Fleet):
    giver = await start(fleet, "giver", "zoo:facts")
    taker = await start(fleet, "taker", join=giver)
    async with client_of(taker) as client:
        await until_offered(client, "zoo:facts", count=1)
        await pulled(client, "zoo:facts")
    giver.kill()
    await giver.bury()
    taker.kill()
    await taker.bury()
    taker = await start(fleet, "taker")
    async with client_of(taker) as client:
        assert not await client.models()
        # Nobody serves it any more, but the copy knows its name.
        assert (await pulled(client, "zoo:facts")).is_served
        other = await start(fleet, "other", join=taker)
        async with client_of(other) as at_other:
            await until_offered(at_other, "zoo:facts", count=1)
            assert (await pulled(at_other, "zoo:facts")).is_served


async def test_a_deploy_is_refused_without_leave_and_done_with_it(fleet: Fleet, tmp_path):
    giver = await start(fleet, "giver", "zoo:calc")
    closed = await start(fleet, "closed", join=giver)
    (tmp_path / "open").mkdir(mode=0o700)
    (tmp_path / "open" / "modelnet.toml").write_text(f'accept_models = ["{giver.ready.node}"]\n')
    await start(fleet, "open", join=giver)
    async with client_of(giver) as client, client_of(closed) as at_closed:
        await until_offered(at_closed, "zoo:calc", count=1)
        await until_there(client, nodes=3)
        with pytest.raises(UnsupportedError, match="accept_models"):
            async for _ in client.deploy("zoo:calc", to="closed", timeout_s=PATIENCE_S):
                pass
    deploy = ("deploy", "zoo:calc", "--to", "open")
    told = await anyio.to_thread.run_sync(lambda: command(*deploy, node=giver))
    assert told["is_served"]
    async with client_of(giver) as client:
        await until_offered(client, "zoo:calc", count=2)


async def test_a_closed_network_moves_models_over_its_own_links(fleet: Fleet):
    flags = ("--invitation", Invitation.create("test-moving").text)
    giver = await start(fleet, "giver", "zoo:calc", flags=flags)
    taker = await start(fleet, "taker", join=giver, flags=flags)
    async with client_of(taker) as client:
        await until_offered(client, "zoo:calc", count=1)
        assert (await pulled(client, "zoo:calc")).is_served


async def test_a_node_that_is_stopped_in_the_middle_of_a_pull_leaves_at_once(fleet: Fleet, large):
    giver = await start(fleet, "giver", f"large=gguf:{large}?copy=yes")
    taker = await start(fleet, "taker", join=giver)
    async with client_of(taker) as client:
        await until_offered(client, "large", count=1)
        steps = client.pull("large", source=None, serve=True, timeout_s=PATIENCE_S)
        async for step in steps:
            if step.progress and step.progress.done_bytes > 0:
                break
        taker.child.send(signal.SIGTERM)
        with pytest.raises(ModelnetError):
            async for _ in steps:
                pass
    with anyio.fail_after(PATIENCE_S):
        await taker.child.wait()
    assert taker.child._process.returncode == 0
