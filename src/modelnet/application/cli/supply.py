"""What `modelnet up` serves when it is not told: the model servers of this machine, or the zoo."""

from typing import NamedTuple

from modelnet.application.settings import Settings


class Supply(NamedTuple):
    """Models to serve besides those of the settings, and a sentence on why these."""

    models: tuple[str, ...]
    told: str


async def choose_models(settings: Settings, *, no_models: bool) -> Supply:
    """Return what to serve: nothing more where models were named or refused."""
    if no_models:
        return Supply((), "Serving no models: this node only asks others.")
    if settings.models:
        return Supply((), f"Serving {_listed(settings.models)}.")
    found = await _found_here()
    if found.models:
        return found
    from modelnet.resource.zoo import zoo_entries

    zoo = tuple(zoo_entries())
    return Supply(zoo, f"No model server runs on this machine: serving the zoo, {len(zoo)} models.")


async def _found_here() -> Supply:
    from modelnet.resource.detection import detect_engines

    found = [engine for engine in await detect_engines() if engine.models]
    # Two servers may offer a model of one name; the first found serves it.
    by_name = {
        model: specification
        for engine in reversed(found)
        for model, specification in zip(engine.models, engine.specifications, strict=True)
    }
    models = tuple(dict.fromkeys(by_name.values()))
    sentences = [
        f"Found {engine.engine} at {engine.url}: serving {_listed(engine.models)}."
        for engine in found
    ]
    return Supply(models, "\n".join(sentences))


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(names)
