"""Timing an encoder, by a clock that is told what to say."""

import gzip
import json
from collections.abc import Sequence

import numpy as np
import pytest

from modelnet.core.error import SettingsError
from modelnet.resource.backend.typed.array import Array
from modelnet.testbed.bench.encoding import PROMPTS, encode_ms, typical_prompts


class Slow:
    """Takes as many milliseconds as a text has letters, by its own clock."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.encoded: list[int] = []

    def encode(self, texts: Sequence[str]) -> Array:
        self.encoded.append(len(texts))
        self.now_s += sum(map(len, texts)) / 1000
        return np.ones((len(texts), 384), np.float32)

    def clock(self) -> float:
        return self.now_s


def test_the_median_is_told_and_each_text_is_encoded_alone():
    encoder = Slow()
    assert encode_ms(encoder, ["a", "aaaa", "a" * 1000], encoder.clock) == pytest.approx(4)
    assert set(encoder.encoded) == {1}


def write(folder, name, *lines):
    (folder / name).mkdir(parents=True, exist_ok=True)
    with gzip.open(folder / name / "dev_queries.jsonl.gz", "wt") as file:
        file.writelines(f"{line}\n" for line in lines)


def test_prompts_come_from_every_set_of_a_folder(tmp_path):
    write(tmp_path, "one", *(json.dumps({"id": n, "prompt": f"one {n}"}) for n in range(300)))
    write(tmp_path, "two", json.dumps({"prompt": "two"}))
    prompts = typical_prompts(tmp_path)
    assert len(prompts) == PROMPTS + 1
    assert prompts[-1] == "two"


def test_without_a_folder_there_are_questions():
    assert len(set(typical_prompts())) > 10


def test_a_folder_without_queries_is_told(tmp_path):
    with pytest.raises(SettingsError, match="name another folder"):
        typical_prompts(tmp_path)


@pytest.mark.parametrize("line", ["", "{}", '{"prompt": 3}', "garbage"])
def test_queries_that_cannot_be_read_are_told(tmp_path, line):
    write(tmp_path, "one", line)
    with pytest.raises(SettingsError, match="holds no queries"):
        typical_prompts(tmp_path)


def test_a_file_that_is_no_archive_is_told(tmp_path):
    write(tmp_path, "one", "x")
    (tmp_path / "one" / "dev_queries.jsonl.gz").write_bytes(b"\x1f\x8bgarbage")
    with pytest.raises(SettingsError, match="holds no queries"):
        typical_prompts(tmp_path)
