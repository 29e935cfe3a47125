"""Feedback through HTTP to real nodes: two of them, two keys, a restart, a kill."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import aiohttp
import anyio
import pytest

import modelnet
from modelnet.application.settings import Settings, load_settings
from modelnet.ledger.sqlite import FILE
from modelnet.resource.backend.scripted import ScriptedModel, scripted_card

pytestmark = [pytest.mark.anyio, pytest.mark.live]

PATH = "/modelnet/v1/feedback"


def settings(folder: Path, name: str = "node", **more) -> Settings:
    # What exams find is kept as well; these tests count what people and programs say.
    own = {"exams": False, "data_dir": folder / name}
    told = {"name": name, "multicast": False, "port": 0, **own, **more}
    return load_settings(told, environ={}, file=folder / "none.toml")


def solver(answer: str = "4") -> ScriptedModel:
    return ScriptedModel(lambda _: answer, card=scripted_card("solver"))


class Client:
    """Asks one node."""

    def __init__(self, session: aiohttp.ClientSession, node: modelnet.Node, key: str = "") -> None:
        self._session = session
        self._base = node.url.removesuffix("/v1")
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}

    async def __call__(self, method: str, path: str, body: object = None, status: int = 200) -> str:
        data = None if body is None else json.dumps(body)
        async with self._session.request(
            method, self._base + path, data=data, headers=self._headers
        ) as response:
            told = await response.text()
            assert response.status == status, told
            return told

    async def ask(self, text: str, **options) -> dict:
        messages = [{"role": "user", "content": text}]
        body = {"messages": messages, "modelnet": options}
        return json.loads(await self("POST", "/v1/chat/completions", body))

    async def judge(self, id: str, status: int = 200, **word) -> dict:
        return json.loads(await self("POST", PATH, {"id": id, **word}, status))

    async def kept(self) -> list[dict]:
        return [json.loads(line) for line in (await self("GET", PATH)).splitlines()]


@pytest.fixture
async def session():
    async with aiohttp.ClientSession() as session:
        yield session


async def test_a_peers_answer_is_judged_kept_and_recalled(tmp_path, session):
    async with modelnet.Node(settings(tmp_path, "peer"), models=[solver()]) as peer:
        mine = settings(tmp_path, "me", join=peer.listen)
        async with modelnet.Node(mine) as node:
            with anyio.fail_after(10):
                await node.wait_until(lambda directory: bool(directory.offers))
            client = Client(session, node)
            said = await client.ask("Who are you?", explain=True)
            considered = said["modelnet"]["explanation"]["considered"]
            assert [(one["model"], one["node_name"]) for one in considered] == [("solver", "peer")]
            taught = await client.judge(said["id"], right=False)
            assert taught["taught"] == [{"node": peer.id, "model": "solver", "share": 1.0}]
            refused = await client.judge(said["id"], status=409, right=True)
            assert refused["error"]["code"] == "already_judged"
            unknown = await client.judge("chatcmpl-unknown", status=404, right=True)
            assert unknown["error"]["code"] == "task_not_found"
            assert "explanation" not in (await client.ask("2+2="))["modelnet"]
            assert [(e["source"], e["verdict"]) for e in await client.kept()] == [
                ("user", 0.0),
                ("verifier", 1.0),
            ]
            assert await Client(session, peer).kept() == []
        async with modelnet.Node(mine) as node:
            client = Client(session, node)
            assert len(await client.kept()) == 2
            router = node.parts.teacher._router
            tallies = router._beliefs.tallies(peer.id, "solver", node._clock())
            assert sum(tally.asked for tally in tallies.values()) == pytest.approx(2.0, abs=0.01)
            assert json.loads(await client("DELETE", f"{PATH}?id={said['id']}"))["deleted"] == 1
            assert json.loads(await client("DELETE", PATH))["deleted"] == 1
            assert await client.kept() == []
            raw = b"".join(file.read_bytes() for file in mine.data_dir.glob(f"{FILE}*"))
            assert b"solver" not in raw
            assert peer.id.encode() not in raw


async def test_each_key_judges_its_own(tmp_path, session):
    told = settings(tmp_path, api_keys=("anns-key", "bobs-key"))
    async with modelnet.Node(told, models=[solver()]) as node:
        ann, bob = Client(session, node, "anns-key"), Client(session, node, "bobs-key")
        said = await ann.ask("Who?")
        assert (await bob.judge(said["id"], status=404, right=False))["error"]["param"] == "id"
        assert (await ann.judge(said["id"], score=0.5))["score"] == 0.5
        nobody = Client(session, node)
        for method in "POST", "GET", "DELETE":
            assert "invalid_api_key" in await nobody(method, PATH, status=401)
        assert len(await bob.kept()) == 1
        assert "anns" not in json.dumps(await bob.kept())


async def test_expected_answers_and_what_is_not_kept(tmp_path, session):
    async with modelnet.Node(settings(tmp_path), models=[solver()]) as node:
        client = Client(session, node)
        await client.ask("Two and two?", expected=4)
        await client.ask("Two and two?", expected="five")
        for path, body in (
            ("/v1/embeddings", {"input": "x"}),
            ("/v1/completions", {"prompt": ["x", "y"]}),
            ("/modelnet/v1/step", {"prompt": "x"}),
        ):
            told = await client("POST", path, {**body, "modelnet": {"expected": "4"}}, status=400)
            assert json.loads(told)["error"]["param"] == "modelnet.expected"
        await client("POST", "/v1/embeddings", {"input": "x", "modelnet": {"explain": True}})
        unkept = await client.ask("Two and two?", expected="4", keep=False)
        assert [entry["verdict"] for entry in await client.kept()] == [1.0, 0.0]
        await client.judge(unkept["id"], status=404, right=True)


async def test_a_stream_may_be_judged_when_its_end_is_read(tmp_path, session):
    async with modelnet.Node(settings(tmp_path), models=[solver()]) as node:
        client = Client(session, node)
        body = {"messages": [{"role": "user", "content": "Who?"}], "stream": True}
        body["modelnet"] = {"explain": True}
        events = (await client("POST", "/v1/chat/completions", body)).split("\n\n")
        last = json.loads(events[-3].removeprefix("data: "))
        assert last["modelnet"]["explanation"]["because"].endswith("is the only one that can.")
        assert (await client.judge(last["id"], right=True))["score"] == 1.0


async def test_a_damaged_file_does_not_keep_a_node_from_starting(tmp_path, session):
    told = settings(tmp_path)
    told.data_dir.mkdir(mode=0o700)
    (told.data_dir / FILE).write_bytes(b"\x00garbage" * 1000)
    async with modelnet.Node(told, models=[solver()]) as node:
        client = Client(session, node)
        await client.ask("2+2=")
        assert len(await client.kept()) == 1


async def test_a_guest_in_anothers_directory_writes_nothing_there(tmp_path, session):
    told = settings(tmp_path)
    async with (
        modelnet.Node(told, models=[solver()]) as node,
        modelnet.Node(told, models=[solver()]) as guest,
    ):
        await Client(session, guest).ask("2+2=")
        assert len(await Client(session, guest).kept()) == 1
        assert await Client(session, node).kept() == []


async def test_an_owner_may_want_nothing_kept(tmp_path, session):
    told = settings(tmp_path, keep_outcomes=False)
    async with modelnet.Node(told, models=[solver()]) as node:
        await Client(session, node).ask("2+2=")
    assert not (told.data_dir / FILE).exists()


def start(folder: Path) -> tuple[subprocess.Popen, str]:
    command = [sys.executable, "-m", "modelnet", "up", "--json", "--no-multicast", "--port", "0"]
    command += ["--no-exams", "--data-dir", str(folder), "--model", "zoo:calc"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    return process, json.loads(process.stdout.readline())["openai_url"]


async def test_what_was_learnt_outlives_sigkill(tmp_path, session):
    process, url = start(tmp_path / "data")
    base = url.removesuffix("/v1")
    body = {"messages": [{"role": "user", "content": "What is 12 plus 34?"}]}
    async with session.post(f"{url}/chat/completions", json=body) as response:
        assert response.status == 200
    async with session.get(base + PATH) as response:
        before = await response.text()
    process.send_signal(signal.SIGKILL)
    await anyio.to_thread.run_sync(process.wait)
    process.stdout.close()
    assert len(before.splitlines()) == 1
    process, url = start(tmp_path / "data")
    async with session.get(url.removesuffix("/v1") + PATH) as response:
        assert await response.text() == before
    body["modelnet"] = {"explain": True}
    async with session.post(f"{url}/chat/completions", json=body) as response:
        (told,) = (await response.json())["modelnet"]["explanation"]["considered"]
    process.terminate()
    await anyio.to_thread.run_sync(process.wait)
    process.stdout.close()
    assert told["asked"] == pytest.approx(1.0, abs=0.1)
