"""A server's address, or the name of a model of OpenAI's, and the key that goes with it."""

import pytest

from modelnet.core.error import SettingsError
from modelnet.resource.backend.openai import OpenAIModel, openai_endpoint


@pytest.mark.parametrize("name", ["gpt-4o-mini", "o3", "ft:gpt-4o:acme::7p4lURel", "gpt-5.1"])
def test_a_name_alone_is_a_model_of_openais(name: str):
    endpoint = openai_endpoint(name)
    assert endpoint.base == "https://api.openai.com/v1"
    assert endpoint.model == name
    assert endpoint.key({"OPENAI_API_KEY": "k"}) == "k"


def test_its_key_may_be_in_a_variable_of_ones_own():
    endpoint = openai_endpoint("gpt-4o-mini;key=WORK_KEY")
    assert endpoint.model == "gpt-4o-mini"
    assert endpoint.key({"OPENAI_API_KEY": "private", "WORK_KEY": "k"}) == "k"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "8080",
        "localhost",
        "localhost:8080",
        "localhost:8080/v1",
        "127.0.0.1:8080#m",
        "127.0.0.1",
        "gpu.example.com:8000",
        "gpu#m",
        "/v1",
        "ftp://host#m",
    ],
)
def test_an_address_without_http_is_never_taken_for_a_model_of_a_cloud(text: str):
    with pytest.raises(SettingsError, match="http://"):
        openai_endpoint(text)


def test_a_cloud_without_a_key_is_refused_at_once(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("MODELNET_KEY_API_OPENAI_COM", raising=False)
    with pytest.raises(SettingsError, match="OPENAI_API_KEY"):
        OpenAIModel(openai_endpoint("gpt-4o-mini"))
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    model = OpenAIModel(openai_endpoint("gpt-4o-mini"))
    assert "sk-secret" not in repr(vars(model))


def test_a_key_no_header_can_hold_is_refused_unseen(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret\r\nX: y")
    with pytest.raises(SettingsError, match="Authorization") as caught:
        OpenAIModel(openai_endpoint("gpt-4o-mini"))
    assert "sk-secret" not in caught.value.message
