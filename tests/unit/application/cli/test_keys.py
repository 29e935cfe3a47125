import io
import json
from pathlib import Path

import pytest

from modelnet.application.presence import occupied
from modelnet.trust.invitation import Invitation
from modelnet.trust.key import KEY_FILE, open_key


@pytest.fixture
def home(tmp_path):
    return tmp_path / "data"


def test_no_key_yet(cli, home):
    result = cli("keys")
    assert result.code == 11
    assert result.err == (
        f"There is no key at {home / KEY_FILE} yet: the first `modelnet up` makes one.\n"
    )
    assert not home.exists()


def test_id_and_file(cli, home):
    node = open_key(home).node
    result = cli("keys")
    assert result.out == f"  node  {node}\n  file  {home / KEY_FILE}\n"
    assert json.loads(cli("keys", "--json").out) == {"node": node, "file": str(home / KEY_FILE)}


def test_key_open_to_others(cli, home):
    open_key(home)
    (home / KEY_FILE).chmod(0o644)
    result = cli("keys")
    assert result.code == 11
    assert f"chmod 600 {home / KEY_FILE}" in result.err


def test_invitation(cli):
    result = cli("keys", "new-invitation", "lab")
    assert Invitation.parse(result.out).network == "lab"
    assert "modelnet up --network lab" in result.err
    told = json.loads(cli("keys", "new-invitation", "lab", "--json").out)
    assert set(told) == {"network", "invitation", "fingerprint"}
    assert told["invitation"] != result.out.strip()


def test_network_that_cannot_have_this_name(cli):
    assert cli("keys", "new-invitation", "Not A Name").code == 9


def test_rotate(cli, home):
    old = open_key(home).node
    told = json.loads(cli("keys", "rotate", "--yes", "--json").out)
    assert told["old_node"] == old
    assert told["node"] == open_key(home).node != old
    assert Path(told["old_file"]).stat().st_mode & 0o077 == 0


def test_rotate_wants_a_yes(cli, home, monkeypatch):
    old = open_key(home).node
    monkeypatch.setattr("sys.stdin", io.StringIO())
    result = cli("keys", "rotate")
    assert result.code == 9
    assert "add --yes" in result.err
    assert open_key(home).node == old


def test_rotate_leaves_a_running_node_alone(cli, home):
    old = open_key(home).node
    with occupied(home):
        result = cli("keys", "rotate", "--yes")
    assert result.code == 9
    assert "already runs here" in result.err
    assert open_key(home).node == old


def test_options_before_the_subcommand_are_not_lost_in_silence(cli, home, tmp_path):
    open_key(tmp_path / "other")
    result = cli("keys", "--data-dir", str(tmp_path / "other"), "rotate", "--yes")
    assert result.code == 9
    assert result.err == "Write the options after `keys rotate`.\n"
