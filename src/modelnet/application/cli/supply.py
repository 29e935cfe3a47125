"""What `modelnet up` serves when it is not told: the model servers of this machine, or the zoo."""

from typing import TYPE_CHECKING, NamedTuple

from modelnet.application.settings import Settings

if TYPE_CHECKING:
    from modelnet.application.cli.engine_supply import EngineSupply
    from modelnet.resource.detection import DetectedEngine


class Supply(NamedTuple):
    """Models to serve besides those of the settings, and a sentence on why these."""

    models: tuple[str, ...]
    told: str
    engines: "EngineSupply | None" = None
    """What this machine's engines have, now and later; nothing where models were named."""


async def choose_models(settings: Settings, *, no_models: bool) -> Supply:
    """Return what to serve: nothing more where models were named or refused."""
    if no_models:
        return Supply((), "Serving no models: this node only asks others.")
    if settings.models:
        return Supply((), f"Serving {_listed(settings.models)}.")
    from modelnet.application.cli.engine_supply import EngineSupply
    from modelnet.resource.detection import Lookout

    lookout = Lookout()
    here = await lookout.look()
    found = [engine for engine in here if engine.models]
    locked = [_locked(engine) for engine in here if engine.needs_key]
    supply = EngineSupply(lookout, found)
    if found:
        told = [
            f"Found {engine.engine} at {engine.url}: {_listed(engine.models)}." for engine in found
        ]
        return Supply((), "\n".join([*told, *locked]), supply)
    from modelnet.resource.zoo import zoo_entries

    zoo = tuple(zoo_entries())
    nobody = "is open" if locked else "runs"
    told = f"No model server {nobody} on this machine: serving the zoo, {len(zoo)} models."
    return Supply(zoo, "\n".join([told, *locked]), supply)


def _locked(engine: "DetectedEngine") -> str:
    return (
        f"{engine.engine} at {engine.url} wants its key: put it into a variable, MY_KEY, and name "
        f"that: --model '{engine.specification_with_key}'."
    )


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(names)
