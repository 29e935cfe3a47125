"""A GGUF file as a Hugging Face folder, an ONNX graph and a GGUF file in full precision."""

import json
import random
import sys
from pathlib import Path

import gguf
import numpy as np
import pytest
from safetensors.numpy import load_file
from tokenizers import Tokenizer

from modelnet.resource.zoo import FOLDER
from recipes.checkpoint.__main__ import main
from recipes.checkpoint.checkpoint import (
    Checkpoint,
    Shape,
    hugging_face_name,
    in_halves,
    read_checkpoint,
)
from recipes.checkpoint.folder import write_folder
from recipes.checkpoint.graph import rotary_table, write_graph
from recipes.checkpoint.tokenizer import tokenizer_of
from recipes.checkpoint.widening import widen
from tests.conformance.tiny_gguf import write_tiny_gguf

SHAPE = Shape(128, 3, 384, 4, 4, 256, 1e-5, 10_000.0)
CALC = FOLDER / "calc.gguf"


@pytest.fixture(scope="module")
def calc() -> Checkpoint:
    return read_checkpoint(CALC)


def test_sizes_are_read(calc: Checkpoint):
    assert calc.shape._replace(norm_epsilon=1e-5) == SHAPE
    assert calc.shape.norm_epsilon == pytest.approx(1e-5)
    assert calc.is_tied


def test_weights_are_read_by_their_new_names(calc: Checkpoint):
    assert len(calc.weights) == 3 * 9 + 2
    assert calc.weights["model.embed_tokens.weight"].shape == (319, 128)
    assert calc.weights["model.layers.2.mlp.gate_proj.weight"].shape == (384, 128)
    assert {weight.dtype for weight in calc.weights.values()} == {np.dtype(np.float32)}


def test_rows_go_back_where_the_zoo_s_export_took_them_from():
    # A head of 4 features: 0 turns with 2, 1 with 3; llama.cpp keeps them as 0 2 1 3.
    neighbours = np.array([[0], [2], [1], [3], [10], [12], [11], [13]], np.float32)
    assert in_halves(neighbours, 2).ravel().tolist() == [0, 1, 2, 3, 10, 11, 12, 13]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("output_norm.weight", "model.norm.weight"),
        ("output.weight", "lm_head.weight"),
        ("blk.12.attn_q.weight", "model.layers.12.self_attn.q_proj.weight"),
        ("blk.0.ffn_norm.weight", "model.layers.0.post_attention_layernorm.weight"),
    ],
)
def test_names_are_translated(name: str, expected: str):
    assert hugging_face_name(name) == expected


def test_a_model_of_another_family_is_refused(tmp_path: Path):
    writer = gguf.GGUFWriter(tmp_path / "m.gguf", "gpt2")
    writer.add_tokenizer_model("gpt2")
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    with pytest.raises(ValueError, match="no Llama"):
        read_checkpoint(tmp_path / "m.gguf")


def test_a_merge_that_makes_no_token_is_left_out(tmp_path: Path):
    checkpoint = read_checkpoint(write_tiny_gguf(tmp_path / "babble.gguf"))
    assert checkpoint.vocabulary.merges == []
    assert tokenizer_of(checkpoint.vocabulary).encode("a  b").tokens == ["a", "Ġ", "Ġ", "b"]


def test_any_text_is_cut_and_joined_again(calc: Checkpoint):
    tokenizer = tokenizer_of(calc.vocabulary)
    rng = random.Random(1)
    for _ in range(200):
        letters = "".join(
            chr(rng.choice((10, 32, 48, 65, 97, 233, 8721, 128512))) for _ in range(9)
        )
        assert tokenizer.decode(tokenizer.encode(letters).ids) == letters


def test_special_tokens_are_found_in_the_text(calc: Checkpoint):
    encoded = tokenizer_of(calc.vocabulary).encode("<think>1</think>2<|end|>")
    assert encoded.tokens == ["<think>", "1", "</think>", "2", "<|end|>"]


def test_a_folder_holds_what_hugging_face_reads(calc: Checkpoint, tmp_path: Path):
    folder = write_folder(calc, tmp_path / "calc")
    config = json.loads((folder / "config.json").read_text())
    assert config["architectures"] == ["LlamaForCausalLM"]
    assert config["vocab_size"] == 319
    assert config["eos_token_id"] == calc.vocabulary.end
    weights = load_file(folder / "model.safetensors")
    assert weights.keys() == calc.weights.keys()
    for name, weight in weights.items():
        np.testing.assert_array_equal(weight, calc.weights[name])
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    assert (
        tokenizer.encode("What is 1?").ids == tokenizer_of(calc.vocabulary).encode("What is 1?").ids
    )
    told = json.loads((folder / "tokenizer_config.json").read_text())
    assert told["chat_template"] == calc.vocabulary.chat_template


def test_angles_turn_more_slowly_from_pair_to_pair():
    cos, sin = rotary_table(SHAPE)
    assert cos.shape == sin.shape == (256, 16)
    assert cos[0].tolist() == [1.0] * 16
    assert sin[1, 0] == pytest.approx(np.sin(1.0), abs=1e-6)
    assert sin[1, 1] == pytest.approx(np.sin(10_000 ** (-1 / 16)), abs=1e-6)


def test_a_graph_reads_rows_of_any_number_and_length_alike(calc: Checkpoint, tmp_path: Path):
    import onnxruntime

    session = onnxruntime.InferenceSession(write_graph(calc, tmp_path / "model.onnx"))
    rows = np.array([[40, 41, 42, 43], [50, 51, 52, 53]])
    names = ["logits", "last_hidden_state", "hidden_states.0"]
    together = session.run(names, {"input_ids": rows})
    assert [one.shape for one in together] == [(2, 4, 319), (2, 4, 128), (2, 4, 128)]
    alone = session.run(names, {"input_ids": rows[1:, :3]})
    for many, one in zip(together, alone, strict=True):
        # A causal model reads the beginning alike, whatever follows.
        np.testing.assert_allclose(many[1:, :3], one, atol=1e-4)


def test_the_embedding_reads_the_tokens_off_or_a_head_of_its_own(calc: Checkpoint, tmp_path: Path):
    import onnxruntime

    head = np.zeros((319, 128), np.float32)
    untied = calc._replace(weights=calc.weights | {"lm_head.weight": head})
    assert not untied.is_tied
    session = onnxruntime.InferenceSession(write_graph(untied, tmp_path / "model.onnx"))
    (logits,) = session.run(["logits"], {"input_ids": np.array([[1, 2]])})
    assert not logits.any()


def test_a_file_in_full_precision_holds_the_same(tmp_path: Path):
    wide = widen(CALC, tmp_path / "wide.gguf")
    was, now = gguf.GGUFReader(CALC), gguf.GGUFReader(wide)
    assert {tensor.tensor_type for tensor in now.tensors} == {gguf.GGMLQuantizationType.F32}
    assert was.fields.keys() == now.fields.keys()
    for name, field in was.fields.items():
        if name != "general.file_type":
            assert now.fields[name].contents() == field.contents()
    ours, theirs = read_checkpoint(CALC), read_checkpoint(wide)
    for name, weight in ours.weights.items():
        np.testing.assert_array_equal(weight, theirs.weights[name])


def test_the_command_writes_both(tmp_path: Path, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["checkpoint", str(CALC), str(tmp_path / "calc")])
    main()
    assert str(tmp_path / "calc") in capsys.readouterr().out
    assert {path.name for path in (tmp_path / "calc").iterdir()} == {
        "config.json", "generation_config.json", "model.onnx", "model.safetensors",
        "tokenizer.json", "tokenizer_config.json",
    }  # fmt: skip
