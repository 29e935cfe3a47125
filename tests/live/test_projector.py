"""Projectors on llama.cpp: whole ones see, damaged ones are refused and the process survives."""

from pathlib import Path

import anyio
import anyio.lowlevel
import psutil
import pytest
from msgspec.structs import replace

from modelnet.core.error import (
    ContextTooLongError,
    EngineError,
    InvalidRequestError,
    ModelFileError,
    UnsupportedError,
)
from modelnet.core.request import Chat, Message, Sampling
from modelnet.resource.backend.embedded import Claims, EmbeddedModel, projector
from modelnet.resource.backend.llama import LlamaModel, llama_endpoint
from tests.conformance.models import llama_server, text_of
from tests.conformance.test_model import answer, started
from tests.conformance.tiny_gguf import WIDTH, write_tiny_gguf
from tests.conformance.tiny_projector import (
    RED,
    SEEN,
    look,
    png,
    projector_metadata,
    projector_shapes,
    shown,
    write_tiny_projector,
)

pytestmark = [pytest.mark.anyio, pytest.mark.live]
PATIENCE_S = 20.0


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return write_tiny_gguf(tmp_path / "babble.gguf")


async def refusal(path: Path, second: Path) -> str:
    """Return why a model with such a projector does not start."""
    model = EmbeddedModel(path, projector=second)
    with pytest.raises(ModelFileError) as caught:
        await model.start()
    with pytest.raises(EngineError):
        await answer(model, look())
    return caught.value.message


DEADLY = {
    "as it is loaded": {"shapes": {"v.blk.0.attn_q.weight": (SEEN, SEEN + 1)}},
    "for a weight that is missing": {"without": "mm.0.weight"},
    "for a number that is garbage": {"entries": {"clip.vision.attention.head_count": 0}},
    "for another kind": {"entries": {"clip.projector_type": "qwen2vl_merger"}},
    "as it sees": {"shapes": {"v.position_embd.weight": (SEEN, 3)}},
    "as it computes": {"entries": {"clip.vision.attention.layer_norm_epsilon": -1.0}},
}
"""Each ended a process when it was met without the trial; the last two at the first image."""


@pytest.mark.parametrize("how", DEADLY)
async def test_a_projector_of_which_llama_cpp_dies_is_refused(path: Path, how):
    damage = DEADLY[how]
    shapes = projector_shapes() | damage.get("shapes", {})
    shapes.pop(damage.get("without", ""), None)
    second = write_tiny_projector(
        path.with_name("mmproj.gguf"),
        entries=projector_metadata() | damage.get("entries", {}),
        shapes=shapes,
    )
    said = await refusal(path, second)
    assert str(second) in said
    assert "corrupt" in said


async def test_a_projector_of_another_model_is_refused(path: Path):
    second = write_tiny_projector(
        path.with_name("mmproj.gguf"), shapes=projector_shapes(WIDTH + 16)
    )
    assert "not made for the other" in await refusal(path, second)


async def test_files_that_are_no_projectors_are_refused(path: Path):
    assert "is no projector" in await refusal(path, path)
    assert "No such file" in await refusal(path, path.with_name("missing.gguf"))
    second = write_tiny_projector(path.with_name("mmproj.gguf"))
    second.write_bytes(second.read_bytes()[:-100])
    assert "weights are missing" in await refusal(path, second)
    sounds = projector_metadata() | {
        "clip.has_vision_encoder": False,
        "clip.has_audio_encoder": True,
    }
    assert "of images" in await refusal(path, write_tiny_projector(second, entries=sounds))


async def test_an_embedder_takes_no_projector(tmp_path: Path):
    path = write_tiny_gguf(tmp_path / "embedder.gguf", is_embedder=True)
    second = write_tiny_projector(tmp_path / "mmproj.gguf")
    assert "only embeds" in await refusal(path, second)


async def test_an_image_that_never_fits_is_told_at_the_start(tmp_path: Path):
    path = write_tiny_gguf(tmp_path / "narrow.gguf", context_length=16)
    second = write_tiny_projector(tmp_path / "mmproj.gguf")
    said = await refusal(path, second)
    assert "reads no image" in said
    assert "too long" in said


def children() -> set[int]:
    """Return this process's own; tests before may have left some of the standard library."""
    return {child.pid for child in psutil.Process().children()}


async def test_a_trial_that_takes_too_long_is_ended(path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(projector, "TRIAL_TIMEOUT_S", 0.0)
    model = EmbeddedModel(path, projector=write_tiny_projector(path.with_name("mmproj.gguf")))
    others = children()
    with pytest.raises(EngineError, match="said nothing"):
        await model.start()
    assert children() == others


async def test_a_start_that_is_given_up_leaves_no_process_behind(path: Path):
    model = EmbeddedModel(path, projector=write_tiny_projector(path.with_name("mmproj.gguf")))
    others = children()
    with anyio.fail_after(PATIENCE_S):
        async with anyio.create_task_group() as group:
            group.start_soon(model.start)
            while children() == others:
                await anyio.lowlevel.checkpoint()
            group.cancel_scope.cancel()
    assert children() == others
    async with started(model):
        assert text_of(await answer(model, look(png(RED))))


async def test_without_a_projector_nothing_is_seen(path: Path):
    # One that lies beside is not taken uninvited.
    write_tiny_projector(path.with_name("mmproj-babble.gguf"))
    async with started(EmbeddedModel(path)) as model:
        assert not model.card.has_vision
        with pytest.raises(UnsupportedError, match="does not read images"):
            await answer(model, look(png(RED)))


async def test_with_a_projector_text_is_answered_as_without(path: Path):
    second = write_tiny_projector(path.with_name("mmproj.gguf"))
    async with (
        started(EmbeddedModel(path, Claims(temperature=0.0))) as blind,
        started(EmbeddedModel(path, Claims(temperature=0.0), projector=second)) as seeing,
    ):
        for request in (look(), look(prompt="another", max_tokens=30)):
            ours, theirs = await answer(seeing, request), await answer(blind, request)
            assert text_of(ours) == text_of(theirs)
            assert ours[-1].usage == theirs[-1].usage
        assert replace(seeing.card, has_vision=False) == blind.card


async def test_images_are_not_unpacked_beyond_all_measure(path: Path):
    second = write_tiny_projector(path.with_name("mmproj.gguf"))
    async with started(EmbeddedModel(path, projector=second)) as model:
        large = png(RED, 3000, 3000)
        assert text_of(await answer(model, look(large, max_tokens=1)))
        with pytest.raises(InvalidRequestError, match="smaller"):
            await answer(model, look(large, large, large, large))
        with pytest.raises(InvalidRequestError, match="PNG, JPEG, GIF or BMP"):
            await answer(model, look(b"RIFF\x24\x00\x00\x00WAVEfmt "))
        with pytest.raises(ContextTooLongError):
            await answer(model, look(*[png(RED)] * 300))


async def test_an_image_that_the_template_leaves_out_is_refused(path: Path):
    """The template of this model tells the last turn only."""
    first = Message("user", (shown(png(RED)),))
    chat = Chat(
        (first, Message("assistant", "yes"), Message("user", "and?")), Sampling(max_tokens=4)
    )
    second = write_tiny_projector(path.with_name("mmproj.gguf"))
    async with started(EmbeddedModel(path, projector=second)) as model:
        with pytest.raises(InvalidRequestError):
            await answer(model, chat)


THINKING = "{% for m in messages %}{{ m['content'] }}{% endfor %}<think>\n"
TELLING = (
    "{% for m in messages %}{{ m['role'] + ': ' }}{% if m.reasoning_content %}"
    "{{ '<think>\n' + m.reasoning_content + '\n</think>\n\n' }}{% endif %}{{ m['content'] + '\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ 'assistant: <think>\n' }}{% endif %}"
)
"""One of which llama.cpp finds out how it tells thought, and then repeats the marker."""


@pytest.mark.parametrize("template", [THINKING, TELLING])
@pytest.mark.parametrize("where", ["embedded", "server"])
async def test_a_thought_the_template_opens_is_not_said(tmp_path: Path, template, where):
    path = write_tiny_gguf(tmp_path / "thinker.gguf", template=template)
    second = write_tiny_projector(tmp_path / "mmproj.gguf")
    if where == "embedded":
        model = EmbeddedModel(path, projector=second)
    else:
        behind = llama_server(path, second)
        model = LlamaModel(llama_endpoint(behind.listening_address))
    async with started(model):
        chunks = await answer(model, look(png(RED), top_logprobs=1))
        thought = "".join(chunk.reasoning for chunk in chunks)
        assert text_of(chunks) == ""
        assert "<think>" not in thought
        assert len(thought.strip()) == sum(len(chunk.tokens) for chunk in chunks) == 8
