"""What Ollama says of its models."""

import msgspec
import pytest

from modelnet.resource.backend.ollama.listing import Shown, same_model


@pytest.mark.parametrize(
    ("wanted", "found", "same"),
    [
        ("llama3.2", "llama3.2:latest", True),
        ("llama3.2:latest", "llama3.2", True),
        ("Llama3.2:1B", "llama3.2:1b", True),
        ("llama3.2", "llama3.2:1b", False),
        ("llama3", "llama3.2", False),
        ("hub.example:5000/a/b", "hub.example:5000/a/b:latest", True),
        ("hub.example:5000/a/b", "hub.example:5000/a/b:q4", False),
    ],
)
def test_a_name_without_a_tag_is_the_latest(wanted, found, same):
    assert same_model(wanted, found) is same


def shown(**fields) -> Shown:
    return msgspec.convert(fields, Shown)


def test_capabilities_are_what_is_said_and_tried_where_nothing_is():
    told = shown(capabilities=["completion", "tools", "invented since"])
    assert told.has("tools")
    assert not told.has("vision")
    assert told.may("completion")
    assert not told.may("embedding")
    old = shown()
    assert old.may("completion")
    assert old.may("embedding")
    assert not old.has("tools")


def test_the_operators_context_counts_before_the_models():
    info = {"general.architecture": "llama", "llama.context_length": 8192}
    assert shown(model_info=info).context_length == 8192
    parameters = 'stop    "<|x|>"\nnum_ctx                        2048'
    assert shown(model_info=info, parameters=parameters).context_length == 2048
    assert shown(details={"family": "llama"}, model_info=info).context_length == 8192
    assert shown().context_length is None
    assert shown(model_info=info | {"llama.context_length": "many"}).context_length is None


@pytest.mark.parametrize(
    ("fields", "licence"),
    [
        ({"model_info": {"general.license": "mit"}}, "mit"),
        ({"license": "Apache License\n  Version 2.0, January 2004"}, "Apache-2.0"),
        ({"license": ["MIT License\n\nCopyright"]}, "MIT"),
        ({"license": "All rights reserved. This is not the MIT License."}, None),
        ({"license": 3}, None),
        ({}, None),
    ],
)
def test_licences_are_known_by_how_they_begin(fields, licence):
    assert shown(**fields).licence == licence
