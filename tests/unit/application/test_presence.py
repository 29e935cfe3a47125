import subprocess
import sys

import pytest

from modelnet.application.presence import (
    LOCK_FILE,
    PRESENCE_FILE,
    Presence,
    announced,
    occupied,
    read_presence,
)
from modelnet.core.error import AddressError, SettingsError, StorageError

HERE = Presence("http://127.0.0.1:11711/v1", 42, "did:key:z6MkTest")


def test_announced_while_it_runs_and_forgotten_after(tmp_path):
    with announced(tmp_path, HERE):
        assert read_presence(tmp_path) == HERE
        assert (tmp_path / PRESENCE_FILE).stat().st_mode & 0o777 == 0o600
        assert [file.name for file in tmp_path.iterdir()] == [PRESENCE_FILE]
    assert read_presence(tmp_path) is None


def test_a_stale_announcement_is_replaced(tmp_path):
    (tmp_path / PRESENCE_FILE).write_text("{")
    with announced(tmp_path, HERE):
        assert read_presence(tmp_path) == HERE


def test_unreadable_announcement(tmp_path):
    (tmp_path / PRESENCE_FILE).write_text('{"url": 3}')
    with pytest.raises(AddressError, match="remove it, or give the node's address with --url"):
        read_presence(tmp_path)


@pytest.mark.parametrize("guard", [lambda d: announced(d, HERE), occupied])
def test_directory_that_is_not_there(tmp_path, guard):
    with pytest.raises(StorageError, match="choose another with --data-dir"), guard(tmp_path / "x"):
        pass


def test_one_node_a_data_directory(tmp_path):
    with occupied(tmp_path), announced(tmp_path, HERE):
        told = r"already runs here at http://127.0.0.1:11711/v1 \(process 42\)"
        with pytest.raises(SettingsError, match=told), occupied(tmp_path):
            pass
    with occupied(tmp_path):
        pass


def test_a_killed_node_leaves_the_directory_free(tmp_path):
    code = (
        "import os, pathlib; from modelnet.application.presence import occupied;"
        f"guard = occupied(pathlib.Path({str(tmp_path)!r}));"
        "guard.__enter__(); os.kill(os.getpid(), 9)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, timeout=60)
    assert done.returncode == -9
    assert (tmp_path / LOCK_FILE).exists()
    with occupied(tmp_path):
        pass
