"""Settings: where they come from, and what is said of a file that is not there."""

import pytest

from modelnet.application.settings import load_settings
from modelnet.core.error import SettingsError
from modelnet.core.wish import NO_WISH, Weights, Wish


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


def test_the_wish_of_a_node_is_a_table_or_json(tmp_path):
    path = tmp_path / "modelnet.toml"
    path.write_text("[wish]\nmax_cost_usd = 0.01\nweights = {dollar = 20}\n")
    wish = Wish(max_cost_usd=0.01, weights=Weights(dollar=20.0))
    assert load_settings(environ={}, file=path).wish == wish
    environ = {"MODELNET_WISH": '{"max_cost_usd": 0.01, "weights": {"dollar": 20}}'}
    assert load_settings(environ=environ, file=tmp_path / "none").wish == wish
    assert load_settings(environ={}, file=tmp_path / "none").wish == NO_WISH


@pytest.mark.parametrize(
    ("told", "why"),
    [
        ("max_cost_usd = -1", r">= 0.*wish\.max_cost_usd"),
        ("max_cost_usd = inf", "`max_cost_usd` must be a number from 0 on, not inf"),
        ("max_latency_s = nan", r"> 0.*wish\.max_latency_s"),
        ("min_quality = 80", r"<= 1.*wish\.min_quality"),
        ("max_cost = 1", "unknown field `max_cost`"),
    ],
)
def test_a_wish_that_makes_no_sense_is_refused(tmp_path, told, why):
    path = tmp_path / "modelnet.toml"
    path.write_text(f"[wish]\n{told}\n")
    with pytest.raises(SettingsError, match=why):
        load_settings(environ={}, file=path)


@pytest.mark.parametrize("text", ["max_cost_usd=1", "{", '{"max_cost_usd": "much"}', "[]"])
def test_a_wish_in_the_environment_that_is_none_is_refused(tmp_path, text):
    with pytest.raises(SettingsError):
        load_settings(environ={"MODELNET_WISH": text}, file=tmp_path / "none")
