"""What the files of an encoder's folder say, and what becomes of those that make no sense."""

import json

import pytest

from modelnet.core.error import ModelFileError
from modelnet.resource.backend.onnx.folder import MAX_TOKENS, read_folder
from modelnet.resource.backend.onnx.pooling import Pooler


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "model.onnx").write_bytes(b"a graph")
    return tmp_path


def write(folder, name, content):
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text(content if isinstance(content, str) else json.dumps(content))


def test_a_graph_alone_is_enough(folder):
    found = read_folder(folder)
    assert found.graph == folder / "model.onnx"
    assert (found.tokenizer, found.licence, found.pad_id) == (None, None, 0)
    assert found.max_tokens == MAX_TOKENS
    assert found.pooler == Pooler("mean", is_normalised=False)


def test_the_graph_may_be_where_hugging_face_has_it(tmp_path):
    write(tmp_path, "onnx/model.onnx", "a graph")
    assert read_folder(tmp_path).graph == tmp_path / "onnx" / "model.onnx"


def test_a_folder_without_a_graph_is_refused(tmp_path):
    with pytest.raises(ModelFileError, match=r"no model\.onnx"):
        read_folder(tmp_path)


def test_the_least_length_counts_and_that_of_no_limit_does_not(folder):
    write(folder, "config.json", {"max_position_embeddings": 512, "pad_token_id": 1})
    write(folder, "tokenizer_config.json", {"model_max_length": 10**30})
    assert read_folder(folder).max_tokens == 512
    assert read_folder(folder).pad_id == 1
    write(folder, "sentence_bert_config.json", {"max_seq_length": 128})
    assert read_folder(folder).max_tokens == 128


@pytest.mark.parametrize(
    ("config", "pooling"),
    [
        ({"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}, "cls"),
        ({"pooling_mode_mean_tokens": True}, "mean"),
        ({"pooling_mode_max_tokens": True}, "max"),
        ({"pooling_mode_lasttoken": True}, "last"),
        ({"pooling_mode": "cls"}, "cls"),
        ({"pooling_mode_weightedmean_tokens": True}, None),
        ({"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": True}, None),
        ({"pooling_mode": "attention"}, None),
        ({}, "mean"),
    ],
)
def test_pooling_is_as_configured_and_what_is_not_known_makes_no_vectors(folder, config, pooling):
    write(folder, "1_Pooling/config.json", config)
    assert read_folder(folder).pooler.pooling == pooling


def modules(*kinds):
    return [{"type": f"sentence_transformers.models.{kind}"} for kind in kinds]


def test_vectors_are_normalised_where_a_module_says_so(folder):
    write(folder, "modules.json", modules("Transformer", "Pooling", "Normalize"))
    assert read_folder(folder).pooler == Pooler("mean", is_normalised=True)


def test_a_module_that_is_not_known_makes_no_vectors(folder):
    write(folder, "modules.json", modules("Transformer", "Pooling", "Dense"))
    assert read_folder(folder).pooler.pooling is None


@pytest.mark.parametrize(
    ("name", "content", "licence"),
    [
        ("README.md", "---\ntags: [x]\nlicense: apache-2.0\n---\n# A model\n", "apache-2.0"),
        ("README.md", "# A model\nlicense: mit\n", None),
        ("README.md", "---\ntags: [x]\n---\nlicense: mit\n", None),
        ("config.json", '{"license": "MIT"}', "MIT"),
    ],
)
def test_a_licence_is_read_where_one_is_told(folder, name, content, licence):
    write(folder, name, content)
    assert read_folder(folder).licence == licence


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("config.json", "{"),
        ("config.json", "[1]"),
        ("config.json", "[" * 100_000),
        ("modules.json", '{"a": 1}'),
        ("modules.json", "[1]"),
        ("modules.json", "3"),
        ("1_Pooling/config.json", "\udcff"),
    ],
)
def test_files_that_make_no_sense_are_named(folder, name, content):
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_bytes(content.encode(errors="surrogateescape"))
    with pytest.raises(ModelFileError, match=name.rpartition("/")[2]):
        read_folder(folder)
