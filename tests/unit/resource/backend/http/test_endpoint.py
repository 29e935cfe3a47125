"""Addresses of servers."""

import pytest

from modelnet.core.error import SettingsError
from modelnet.resource.backend.http import endpoint_from
from modelnet.resource.backend.openai import openai_endpoint


def test_openais_api_is_at_version_1():
    endpoint = openai_endpoint("http://127.0.0.1:8080#qwen/qwen3")
    assert endpoint.root == "http://127.0.0.1:8080"
    assert endpoint.base == "http://127.0.0.1:8080/v1"
    assert endpoint.model == "qwen/qwen3"


def test_a_path_is_kept():
    assert openai_endpoint("https://api.example.com/openai/v2/").base == (
        "https://api.example.com/openai/v2"
    )


def test_each_host_has_a_key_of_its_own():
    endpoint = endpoint_from("https://api.example.com/v1#m")
    assert endpoint.key_variables == ("MODELNET_KEY_API_EXAMPLE_COM",)
    assert endpoint.key({"MODELNET_KEY_API_EXAMPLE_COM": "a"}) == "a"
    assert endpoint.key({"MODELNET_KEY_EVIL_COM": "a", "OPENAI_API_KEY": "b"}) is None


def test_a_providers_own_variable_counts_at_its_host_alone():
    environment = {"OPENAI_API_KEY": "b"}
    assert openai_endpoint("https://api.openai.com#m").key(environment) == "b"
    assert openai_endpoint("https://api.openai.com.evil.com#m").key(environment) is None
    assert openai_endpoint("http://127.0.0.1:8080#m").key(environment) is None


@pytest.mark.parametrize("text", ["", "8080", "ftp://host", "http://", "http://user:pw@host"])
def test_what_is_no_address_is_refused(text):
    with pytest.raises(SettingsError):
        endpoint_from(text)
