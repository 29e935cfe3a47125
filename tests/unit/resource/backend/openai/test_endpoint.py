"""Addresses of servers."""

import pytest

from modelnet.core.error import SettingsError
from modelnet.resource.backend.openai.endpoint import endpoint_from


def test_an_address_without_a_path_means_version_1():
    endpoint = endpoint_from("http://127.0.0.1:8080#qwen/qwen3")
    assert endpoint.root == "http://127.0.0.1:8080"
    assert endpoint.base == "http://127.0.0.1:8080/v1"
    assert endpoint.model == "qwen/qwen3"


def test_a_path_is_kept():
    assert endpoint_from("https://api.example.com/openai/v2/").base == (
        "https://api.example.com/openai/v2"
    )


def test_each_host_has_a_key_of_its_own():
    endpoint = endpoint_from("https://api.example.com/v1#m")
    assert endpoint.key_variable == "MODELNET_OPENAI_KEY_API_EXAMPLE_COM"
    assert endpoint.key({"MODELNET_OPENAI_KEY_API_EXAMPLE_COM": "a"}) == "a"
    assert endpoint.key({"MODELNET_OPENAI_KEY_EVIL_COM": "a"}) is None


@pytest.mark.parametrize("text", ["", "8080", "ftp://host", "http://", "http://user:pw@host"])
def test_what_is_no_address_is_refused(text):
    with pytest.raises(SettingsError):
        endpoint_from(text)
