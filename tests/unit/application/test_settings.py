"""Settings: where they come from, and what is said of a file that is not there."""

import pytest

from modelnet.application.settings import load_settings
from modelnet.core.error import SettingsError


def test_without_a_settings_file_the_defaults_hold(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert load_settings(environ={}).network == "public"


def test_a_settings_file_that_was_named_must_be_there(tmp_path):
    path = tmp_path / "none.toml"
    with pytest.raises(SettingsError, match=r"none\.toml"):
        load_settings(environ={"MODELNET_CONFIG": str(path)})


def test_the_environment_goes_over_the_file(tmp_path):
    path = tmp_path / "modelnet.toml"
    path.write_text('network = "lab"\nname = "alice"\n')
    told = load_settings(environ={"MODELNET_CONFIG": str(path), "MODELNET_NAME": "bob"})
    assert (told.network, told.name) == ("lab", "bob")


def test_nobody_may_deploy_here_unless_told(tmp_path):
    assert load_settings(environ={}, file=tmp_path / "none").accept_models == ()
    environ = {"MODELNET_ACCEPT_MODELS": "did:key:a, did:key:b", "MODELNET_TAKE_OVER": "true"}
    told = load_settings(environ=environ, file=tmp_path / "none")
    assert told.accept_models == ("did:key:a", "did:key:b")
    assert told.take_over
