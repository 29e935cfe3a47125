"""Nodes from Python on real sockets: life, errors, and what clients see through HTTP."""

import socket
from pathlib import Path

import anyio
import pytest
from openai import AsyncOpenAI, BadRequestError

import modelnet
from modelnet.application.settings import Settings, load_settings
from modelnet.core.error import AddressError, ModelFileError, SettingsError, StorageError
from modelnet.resource.backend.scripted import Dies, Pace, ScriptedModel, scripted_card

pytestmark = [pytest.mark.anyio, pytest.mark.live]
STORY = " ".join(f"word{number}" for number in range(30))


def settings(folder: Path, name: str = "node", **more) -> Settings:
    told = {"name": name, "multicast": False, "port": 0, "data_dir": folder / name, **more}
    return load_settings(told, environ={}, file=folder / "none.toml")


@modelnet.model(skills=["greeting"])
def greeter(prompt: str) -> str:
    """Greets."""
    return f"Hello, {prompt}!"


async def said(node: modelnet.Node, prompt: str, **options) -> str:
    return "".join([chunk.text async for chunk in node.ask(prompt, **options)])


async def meet(*nodes: modelnet.Node) -> None:
    with anyio.fail_after(10):
        for node in nodes:
            await node.wait_until(lambda directory: len(directory.entries) == len(nodes))


async def test_a_node_alone_answers_with_a_function(tmp_path):
    async with modelnet.Node(settings(tmp_path), models=[greeter]) as node:
        assert await said(node, "world") == "Hello, world!"
        assert [card.name for card in node.cards] == ["greeter"]
        assert node.id.startswith("did:key:z6Mk")


async def test_a_model_of_another_node_answers(tmp_path):
    async with (
        modelnet.Node(settings(tmp_path, "a"), models=[greeter]) as first,
        modelnet.Node(settings(tmp_path, "b", join=first.listen)) as second,
    ):
        await meet(first, second)
        with anyio.fail_after(5):
            await second.wait_until(lambda directory: bool(directory.offers))
        assert await said(second, "far", model="greeter@a") == "Hello, far!"


async def test_a_served_model_appears_everywhere_and_goes(tmp_path):
    async with modelnet.Node(settings(tmp_path, "a")) as first:
        joined = settings(tmp_path, "b", join=first.listen)
        async with modelnet.Node(joined, with_http=False) as second:
            await meet(first, second)
            assert second.url is None
            await first.serve(greeter)
            with anyio.fail_after(5):
                await second.wait_until(lambda directory: bool(directory.offers))
            await first.withdraw("greeter")
            with anyio.fail_after(5):
                await second.wait_until(lambda directory: not directory.offers)


async def test_openai_s_client_sees_no_takeover(tmp_path):
    """The stream a real client reads is whole although the first model dies in the middle."""
    pace = Pace(tokens_per_s=200)
    bad = ScriptedModel(
        {"story": STORY}, card=scripted_card("bad"), pace=pace, failure=Dies(after_tokens=9)
    )
    good = ScriptedModel({"story": STORY}, card=scripted_card("good"), pace=pace)
    async with modelnet.Node(settings(tmp_path, exams=False), models=[bad, good]) as node:
        client = AsyncOpenAI(base_url=node.url, api_key="none", max_retries=0)
        stream = await client.chat.completions.create(
            model="bad, good", messages=[{"role": "user", "content": "story"}], stream=True
        )
        events = [event async for event in stream]
        await client.close()
    assert "".join(event.choices[0].delta.content or "" for event in events) == STORY
    assert {event.model for event in events} == {"bad", "good"}


async def test_an_error_of_the_caller_leaves_unwrapped(tmp_path):
    with pytest.raises(ZeroDivisionError):
        async with modelnet.Node(settings(tmp_path), models=[greeter]):
            raise ZeroDivisionError


async def test_a_model_that_cannot_start_says_why(tmp_path):
    path = tmp_path / "broken.gguf"
    path.write_bytes(b"not a model")
    with pytest.raises(ModelFileError, match=r"broken\.gguf"):
        async with modelnet.Node(settings(tmp_path), models=[f"gguf:{path}"]):
            pass


async def test_a_port_in_use_is_named(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(AddressError, match=str(port)):
            async with modelnet.Node(settings(tmp_path, port=port)):
                pass


async def test_listening_for_everyone_needs_a_key(tmp_path):
    with pytest.raises(SettingsError, match="key"):
        async with modelnet.Node(settings(tmp_path, host="0.0.0.0")):
            pass


async def test_a_data_directory_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "node").write_text("in the way")
    with pytest.raises(StorageError, match="data-dir"):
        async with modelnet.Node(settings(tmp_path)):
            pass


async def test_two_nodes_of_one_data_directory_are_two_nodes(tmp_path):
    same = settings(tmp_path)
    async with modelnet.Node(same) as first, modelnet.Node(same) as second:
        assert first.id != second.id
    async with modelnet.Node(same) as again:
        assert again.id == first.id


async def test_a_prompt_too_long_for_the_zoo_is_refused_and_the_node_serves_on(tmp_path):
    async with modelnet.Node(settings(tmp_path), models=["zoo:facts"]) as node:
        client = AsyncOpenAI(base_url=node.url, api_key="none", max_retries=0)
        with pytest.raises(BadRequestError) as caught:
            await client.chat.completions.create(
                model="auto", messages=[{"role": "user", "content": "x" * 5000}]
            )
        assert caught.value.code == "context_length_exceeded"
        reply = await client.chat.completions.create(
            model="auto",
            messages=[{"role": "user", "content": "What is the capital of France?"}],
        )
        assert reply.choices[0].message.content
        await client.close()
