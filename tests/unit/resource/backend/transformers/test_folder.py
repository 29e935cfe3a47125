"""What a folder says of itself, and which folders are refused before torch sees them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save

from modelnet.core.error import ModelFileError
from modelnet.resource.backend.transformers.folder import Embedder, read_folder

LLAMA = {"model_type": "llama", "architectures": ["LlamaForCausalLM"]}
BERT = {"model_type": "bert", "architectures": ["BertModel"]}
PARTS = "sentence_transformers.models."
MODULES = [
    {"idx": 0, "name": "0", "path": "", "type": f"{PARTS}Transformer"},
    {"idx": 1, "name": "1", "path": "1_Pooling", "type": f"{PARTS}Pooling"},
]
NORMALISED = [*MODULES, {"idx": 2, "name": "2", "path": "2", "type": f"{PARTS}Normalize"}]


def write(path: Path, told: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(told))


def model_folder(path: Path, config: Any = LLAMA) -> Path:
    write(path / "config.json", config)
    (path / "model.safetensors").write_bytes(save({"a": np.zeros((2, 3), np.float32)}))
    return path


def embedder_folder(path: Path, modules: Any = MODULES, **pooling: Any) -> Path:
    model_folder(path, BERT)
    write(path / "modules.json", modules)
    write(path / "1_Pooling/config.json", {"word_embedding_dimension": 3} | pooling)
    return path


def test_a_decoder_is_known_by_its_architecture(tmp_path: Path):
    folder = read_folder(model_folder(tmp_path))
    assert folder.is_decoder
    assert folder.parameters == 6
    assert folder.embedder is None


def test_anything_else_is_an_encoder(tmp_path: Path):
    assert not read_folder(model_folder(tmp_path, BERT)).is_decoder


def test_an_embedder_says_how_it_pools(tmp_path: Path):
    folder = embedder_folder(tmp_path, NORMALISED, pooling_mode_mean_tokens=True)
    write(folder / "sentence_bert_config.json", {"max_seq_length": 128, "do_lower_case": False})
    prompts = {"prompts": {"query": "query: "}, "default_prompt_name": "query"}
    write(folder / "config_sentence_transformers.json", prompts)
    assert read_folder(folder).embedder == Embedder("mean", True, 128, "query: ")


@pytest.mark.parametrize(
    ("chosen", "pooling"), [("pooling_mode_cls_token", "first"), ("pooling_mode_lasttoken", "last")]
)
def test_other_poolings(tmp_path: Path, chosen: str, pooling: str):
    folder = embedder_folder(tmp_path, pooling_mode_mean_tokens=False, **{chosen: True})
    assert read_folder(folder).embedder == Embedder(pooling, False)


@pytest.mark.parametrize(
    "pooling",
    [
        {},
        {"pooling_mode_max_tokens": True},
        {"pooling_mode_mean_tokens": True, "pooling_mode_cls_token": True},
    ],
)
def test_a_pooling_we_do_not_know_is_refused(tmp_path: Path, pooling: dict[str, bool]):
    with pytest.raises(ModelFileError, match="pools by"):
        read_folder(embedder_folder(tmp_path, **pooling))


def test_an_embedder_with_a_part_we_do_not_know_is_refused(tmp_path: Path):
    dense = [*MODULES, {"path": "2_Dense", "type": f"{PARTS}Dense"}]
    with pytest.raises(ModelFileError, match="Dense"):
        read_folder(embedder_folder(tmp_path, dense, pooling_mode_mean_tokens=True))


def test_an_embedder_without_pooling_is_refused(tmp_path: Path):
    with pytest.raises(ModelFileError, match="how it embeds"):
        read_folder(embedder_folder(tmp_path, MODULES[:1]))


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path):
    with pytest.raises(ModelFileError, match="not a folder"):
        read_folder(tmp_path / "nobody/knows-me")


def test_an_adapter_alone_is_refused(tmp_path: Path):
    write(tmp_path / "adapter_config.json", {"base_model_name_or_path": "someone/model"})
    with pytest.raises(ModelFileError, match="adapter"):
        read_folder(tmp_path)


def test_an_encoder_with_a_decoder_is_refused(tmp_path: Path):
    with pytest.raises(ModelFileError, match="encoder with a decoder"):
        read_folder(model_folder(tmp_path, LLAMA | {"is_encoder_decoder": True}))


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"model_type": 3}', "[" * 5000, "\udcff"])
def test_a_corrupt_description_is_refused(tmp_path: Path, text: str):
    folder = model_folder(tmp_path)
    (folder / "config.json").write_text(text, errors="surrogateescape")
    with pytest.raises(ModelFileError, match="corrupt"):
        read_folder(folder)


def test_a_folder_without_a_description_is_refused(tmp_path: Path):
    with pytest.raises(ModelFileError, match="cannot be read"):
        read_folder(tmp_path)
