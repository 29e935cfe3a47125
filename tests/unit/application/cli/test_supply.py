import pytest

from modelnet.application.cli.supply import choose_models
from modelnet.application.settings import Settings
from modelnet.resource import detection
from modelnet.resource.detection import DetectedEngine
from modelnet.resource.zoo import zoo_entries

pytestmark = pytest.mark.anyio

OLLAMA = DetectedEngine("Ollama", "http://127.0.0.1:11434", ("llama3.2", "phi4"), "ollama")
IDLE = DetectedEngine("vLLM", "http://127.0.0.1:8000", ())


@pytest.fixture
def engines(monkeypatch):
    running = []

    class Lookout:
        async def look(self):
            return running

    monkeypatch.setattr(detection, "Lookout", Lookout)
    return running


@pytest.mark.usefixtures("engines")
async def test_the_zoo_when_nothing_runs_here():
    supply = await choose_models(Settings(), no_models=False)
    assert supply.models == tuple(zoo_entries())
    assert supply.told == "No model server runs on this machine: serving the zoo, 6 models."
    assert supply.engines is not None


async def test_what_runs_here(engines):
    engines += [OLLAMA, IDLE]
    supply = await choose_models(Settings(), no_models=False)
    assert supply.models == ()
    assert supply.told == "Found Ollama at http://127.0.0.1:11434: llama3.2, phi4."
    assert supply.engines is not None


async def test_a_server_without_models_does_not_count(engines):
    engines += [IDLE]
    supply = await choose_models(Settings(), no_models=False)
    assert supply.models == tuple(zoo_entries())


async def test_who_wants_a_key_is_told_of_and_not_served(engines):
    engines += [DetectedEngine("vLLM", "http://127.0.0.1:8000", (), needs_key=True)]
    supply = await choose_models(Settings(), no_models=False)
    assert supply.models == tuple(zoo_entries())
    assert supply.told.startswith("No model server is open on this machine: serving the zoo")
    how = "vLLM at http://127.0.0.1:8000 wants its key"
    assert how in supply.told
    assert "--model 'openai:http://127.0.0.1:8000#MODEL;key=MY_KEY'" in supply.told
    engines += [OLLAMA]
    told = (await choose_models(Settings(), no_models=False)).told
    assert told.startswith("Found Ollama")
    assert how in told


async def test_what_was_named_or_refused_is_left_alone(engines):
    engines += [OLLAMA]
    named = await choose_models(Settings(models=("zoo:calc",)), no_models=False)
    refused = await choose_models(Settings(), no_models=True)
    assert [(one.models, one.engines) for one in (named, refused)] == [((), None), ((), None)]
