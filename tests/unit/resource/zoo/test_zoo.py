"""What `zoo.json` says agrees with the files beside it."""

import hashlib

import pytest

from modelnet.core.error import SettingsError
from modelnet.resource.backend.embedded.gguf import read_header
from modelnet.resource.zoo import FOLDER, zoo_entries, zoo_model

ANIMALS = {"zoo:calc", "zoo:text", "zoo:logic", "zoo:dates", "zoo:facts", "zoo:general"}
MAX_BYTES = 15_000_000


def test_the_zoo_has_five_specialists_and_a_generalist():
    entries = zoo_entries()
    assert set(entries) == ANIMALS
    assert all(entry.skills and entry.description for entry in entries.values())
    assert set(entries["zoo:general"].skills) == {
        skill for name, entry in entries.items() if name != "zoo:general" for skill in entry.skills
    }


def test_every_file_is_the_one_that_was_published():
    for entry in zoo_entries().values():
        raw = (FOLDER / entry.file).read_bytes()
        assert hashlib.sha256(raw).hexdigest() == entry.sha256, entry.name
        header = read_header(FOLDER / entry.file)
        assert header.parameters == entry.parameters, entry.name
        assert header.context_length == entry.context_length, entry.name


def test_the_zoo_fits_into_the_package():
    assert sum(path.stat().st_size for path in FOLDER.glob("*.gguf")) <= MAX_BYTES


def test_names_may_be_short_and_may_be_changed():
    assert zoo_model("calc") is not zoo_model("zoo:calc")
    with pytest.raises(SettingsError, match="zoo:facts"):
        zoo_model("unicorn")
