"""Engines told apart by what they answer, versions old and new."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelnet.resource.detection.recognition import (
    OTHER,
    PATHS,
    DetectedEngine,
    models_in,
    oip_server,
    recognise,
)

URL = "http://127.0.0.1:8000"
LISTING = {"object": "list", "data": [{"id": "a:latest", "owned_by": "library"}, {"id": "b"}]}
TAGS = {"models": [{"name": "a:latest", "size": 1}, {"name": "b"}]}
PROPS = {"default_generation_settings": {"n_ctx": 512}, "total_slots": 4}
BOTH = ("a:latest", "b")


def pages(**answers: object) -> dict[str, bytes]:
    """Return pages by the words of their paths: `v1_models` is `/v1/models`."""
    return {
        "/" + path.replace("__", "-").replace("_", "/"): answer.encode()
        if isinstance(answer, str)
        else json.dumps(answer).encode()
        for path, answer in answers.items()
    }


SGLANG = {"model_path": "m", "tokenizer_path": "m", "is_generation": True}
TGI = {"model_id": "m", "max_concurrent_requests": 128, "version": "3.3.4"}

ENGINES = {
    "llama.cpp": (pages(v1_models=LISTING, props=PROPS), "llama"),
    "llama.cpp with Ollama's addresses": (
        pages(v1_models=LISTING, props=PROPS, api_tags=TAGS),
        "llama",
    ),
    "Ollama": (pages(v1_models=LISTING, api_tags=TAGS, version="not found"), "ollama"),
    "Ollama before it spoke OpenAI's API": (pages(api_tags=TAGS), "ollama"),
    "LM Studio": (pages(v1_models=LISTING, api_v0_models={"data": []}), "openai"),
    "LocalAI": (pages(v1_models=LISTING, readyz="OK", version={"version": "3"}), "openai"),
    "SGLang": (
        {**pages(v1_models=LISTING, api_tags=TAGS), "/get_model_info": json.dumps(SGLANG).encode()},
        "openai",
    ),
    "SGLang of today": (
        {**pages(v1_models=LISTING), "/model_info": json.dumps(SGLANG).encode()},
        "openai",
    ),
    "TGI": (pages(v1_models=LISTING, info=TGI), "openai"),
    "vLLM": (pages(v1_models=LISTING, version={"version": "0.20"}), "openai"),
    OTHER: (pages(v1_models=LISTING), "openai"),
}

TRITON = {"name": "triton", "version": "2.60.0", "extensions": ["classification"]}
INDEX = [
    {"name": "resnet", "version": "1", "state": "READY"},
    {"name": "resnet", "version": "2", "state": "READY"},
    {"name": "broken", "version": "1", "state": "UNAVAILABLE", "reason": "no"},
    {"name": "unversioned"},
]
OVMS = {
    "resnet": {"model_version_status": [{"version": "1", "state": "AVAILABLE"}]},
    "old": {"model_version_status": [{"version": "1", "state": "END"}]},
}


@pytest.mark.parametrize("name", ENGINES)
def test_each_engine_is_known_by_an_address_of_its_own(name):
    answered, scheme = ENGINES[name]
    found = recognise(URL, answered)
    assert found.engine == next(known for known in ENGINES if name.startswith(known))
    assert (found.scheme, found.models, found.url) == (scheme, BOTH, URL)


@pytest.mark.parametrize(
    ("server", "name", "lists", "models"),
    [
        (TRITON, "Triton", {"v2_repository_index": INDEX}, ("resnet", "unversioned")),
        ({"name": "kserve", "version": "0.15"}, "KServe", {"v2_models": {"models": ["a"]}}, ("a",)),
        ({"name": "OpenVINO", "version": "1"}, "OpenVINO", {"v1_config": OVMS}, ("resnet",)),
        (TRITON, "Triton", {}, ()),
    ],
)
def test_servers_of_the_open_inference_protocol(server, name, lists, models):
    found = recognise(URL, pages(v2=server, **lists))
    assert (found.engine, found.scheme, found.models) == (name, "oip", models)


@pytest.mark.parametrize("scheme", ["ollama", "openai", "oip"])
def test_specifications(scheme):
    engine = DetectedEngine("e", URL, BOTH, scheme)
    assert engine.specifications == (f"{scheme}:{URL}#a:latest", f"{scheme}:{URL}#b")


def test_a_llama_server_is_its_one_model_a_router_has_several():
    assert DetectedEngine("llama.cpp", URL, ("m",), "llama").specifications == (f"llama:{URL}",)
    router = DetectedEngine("llama.cpp", URL, BOTH, "llama")
    assert router.specifications == (f"llama:{URL}#a:latest", f"llama:{URL}#b")


@pytest.mark.parametrize(
    "answered",
    [
        {},
        pages(v1_models="<html>"),
        pages(v1_models=[1, 2], version={"version": "1"}),
        pages(v1_models={"data": [{"id": 7}]}),
        pages(v2={"errors": [{"code": "UNAUTHORIZED"}]}),
        pages(v2={}),
        pages(version={"version": "1"}, info=TGI, props=PROPS),
    ],
)
def test_who_is_no_engine_is_not_found(answered):
    assert recognise(URL, answered) is None


def test_a_server_that_answers_everything_with_an_error_is_known_by_none():
    error = json.dumps({"error": "Unexpected endpoint"}).encode()
    answered = {**dict.fromkeys(PATHS, error), **pages(v1_models=LISTING)}
    assert recognise(URL, answered).engine == OTHER


def test_nodes_of_ours_are_no_engines():
    ours = {"data": [{"id": "auto", "owned_by": "modelnet"}]}
    door = {"name": "modelnet", "version": "1", "extensions": []}
    assert recognise(URL, pages(v1_models=ours, v2=door, props=PROPS)) is None
    assert recognise(URL, pages(v2=door)) is None
    assert oip_server(pages(v2=door)) is None


def test_engines_without_models_are_found_all_the_same():
    assert recognise(URL, pages(api_tags={"models": None})).models == ()
    assert recognise(URL, pages(v1_models={"object": "list", "data": None})).models == ()


def test_a_list_that_cannot_be_read_is_none():
    ollama = DetectedEngine("Ollama", URL, BOTH, "ollama")
    assert models_in(ollama, {"/api/tags": b""}) is None
    assert models_in(ollama, pages(api_tags={"models": [{"name": "c"}, {"name": "c"}]})) == ("c",)
    assert models_in(DetectedEngine("Triton", URL, (), "oip"), {}) is None


@given(st.dictionaries(st.sampled_from(PATHS), st.binary(max_size=60)))
def test_any_bytes_will_do(answered):
    recognise(URL, answered)
