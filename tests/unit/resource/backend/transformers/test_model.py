"""The back-end where torch is missing, and where the folder is."""

import sys
from pathlib import Path

import pytest

from modelnet.core.error import EngineError, ModelFileError, SettingsError
from modelnet.resource.backend.transformers import TransformersModel
from modelnet.resource.backend.transformers.library import load_libraries
from modelnet.resource.specification import model_from

pytestmark = pytest.mark.anyio


async def test_without_torch_the_command_that_installs_it_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(SettingsError, match=r"pip install 'ai-modelnet\[transformers\]'"):
        load_libraries()


async def test_a_folder_is_checked_before_anything_heavy_is_imported(monkeypatch, tmp_path: Path):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ModelFileError, match="not a folder"):
        await model_from(f"transformers:{tmp_path / 'nothing'}").start()


async def test_it_has_no_card_before_it_was_started(tmp_path: Path):
    with pytest.raises(EngineError, match="start it"):
        _ = TransformersModel(tmp_path).card


def test_its_name_is_that_of_the_folder_unless_given(tmp_path: Path):
    model = TransformersModel(tmp_path / "qwen")
    with pytest.raises(EngineError, match="qwen"):
        _ = model.card
    with pytest.raises(EngineError, match="other"):
        _ = model_from(f"other=transformers:{tmp_path}").card
