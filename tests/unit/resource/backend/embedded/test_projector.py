"""A model of two files: what is checked before anything is loaded, and what may be copied."""

from pathlib import Path

import pytest

from modelnet.core.error import ModelFileError, SettingsError
from modelnet.resource.backend.embedded import Claims, EmbeddedModel
from modelnet.resource.backend.embedded.card import settings_of
from modelnet.resource.backend.embedded.gguf import read_header
from modelnet.resource.backend.embedded.projector import check_projector
from modelnet.resource.copy.file import artifact_of
from modelnet.resource.copy.manifest import manifest_of
from modelnet.resource.copy.shelf import held_as
from tests.conformance.tiny_gguf import write_tiny_gguf
from tests.conformance.tiny_projector import projector_metadata, write_tiny_projector


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return write_tiny_gguf(tmp_path / "model.gguf")


@pytest.fixture
def second(tmp_path: Path) -> Path:
    return write_tiny_projector(tmp_path / "mmproj.gguf")


def test_a_projector_of_images_passes(path: Path, second: Path):
    header = read_header(path)
    check_projector(second, path, header)
    assert settings_of(header, 4, 2, second).projector == str(second)
    assert settings_of(header, 4, 2).projector is None


@pytest.mark.parametrize("told", [False, 0, 1, "yes"])
def test_a_projector_must_say_that_it_is_for_images(path: Path, second: Path, told):
    entries = projector_metadata() | {"clip.has_vision_encoder": told}
    write_tiny_projector(second, entries=entries)
    with pytest.raises(ModelFileError, match="no projector of images"):
        check_projector(second, path, read_header(path))


def test_two_models_are_not_a_model_and_its_projector(path: Path):
    with pytest.raises(ModelFileError, match=r"no projector; give the mmproj file .* model\.gguf"):
        check_projector(path, path, read_header(path))


def test_what_sees_is_not_copied(path: Path, second: Path):
    held = held_as(path, manifest_of(path))
    for claims in (Claims(), Claims(may_copy=True)):
        blind, seeing = EmbeddedModel(path, claims), EmbeddedModel(path, claims, projector=second)
        assert artifact_of(blind.file, held, "apache-2.0").may_copy
        assert not artifact_of(seeing.file, held, "apache-2.0").may_copy


def test_an_owner_cannot_have_both(path: Path, second: Path):
    seeing = EmbeddedModel(path, projector=second)
    with pytest.raises(SettingsError, match="a copy would lack"):
        seeing.permitting(may_copy=True)
    again = seeing.permitting(may_copy=False)
    assert again.file.may_copy is False
    assert again.projector == second
