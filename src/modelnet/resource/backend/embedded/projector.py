"""The projector of a model that sees: the second GGUF file, which turns images into its tokens.

llama.cpp ends its process on a projector that is damaged in ways no header shows, at times only
when the first image comes. So it is tried in another process, on an image, before it is loaded.
"""

import os
import sys
from pathlib import Path
from subprocess import DEVNULL, CompletedProcess

import anyio
import msgspec

from modelnet.core.error import EngineError, ModelFileError
from modelnet.resource.backend.embedded import trial
from modelnet.resource.backend.embedded.engine import EngineSettings
from modelnet.resource.backend.embedded.gguf import GgufHeader, read_header

TRIAL_TIMEOUT_S = 600.0
"""For loading the model from a slow disk, and reading one image."""

_ARCHITECTURE = "clip"
_PROGRAM = f"from {trial.__name__} import main; {trial.main.__name__}()"
_PYTHON_FAILED = 1
"""The exit status of an interpreter that lacks a module."""


def check_projector(projector: Path, model: Path, header: GgufHeader) -> None:
    """Return if a file says that it is a projector for images, and a model that it could use one.

    Raises:
        ModelFileError: the file is missing, corrupt or something else, or the model only embeds.
    """
    if header.is_embedder:
        raise ModelFileError(f"{model} only embeds texts; leave out its projector.")
    found = read_header(projector)
    if found.architecture != _ARCHITECTURE:
        raise ModelFileError(
            f"{projector} is no projector; give the mmproj file that was made for {model.name}."
        )
    if found.metadata.get("clip.has_vision_encoder") is not True:
        raise ModelFileError(f"{projector} is no projector of images; leave it out.")


async def try_projector(path: Path, settings: EngineSettings) -> None:
    """Return if llama.cpp, in another process, loads a model with its projector and sees an image.

    Raises:
        ModelFileError: it does not, or dies of it.
        EngineError: it could not be tried.
    """
    alone = msgspec.structs.replace(settings, parallel=1)
    done: CompletedProcess[bytes] | None = None
    with anyio.move_on_after(TRIAL_TIMEOUT_S):
        done = await _tried(trial.Trial(str(path), alone))
    if done is None:
        raise EngineError(
            f"{path.name} was shown an image and said nothing for {TRIAL_TIMEOUT_S:.0f} s; "
            "leave out its projector."
        )
    if done.returncode == trial.REFUSED:
        raise ModelFileError(done.stdout.decode("utf-8", "replace"))
    if done.returncode == _PYTHON_FAILED:
        raise EngineError(
            f"{settings.projector} cannot be tried with {sys.executable}; install modelnet there, "
            "or leave out the projector."
        )
    if done.returncode:
        raise ModelFileError(
            f"llama.cpp dies of {settings.projector}; it is corrupt, or not made for {path.name}."
        )


async def _tried(what: trial.Trial) -> CompletedProcess[bytes]:
    return await anyio.run_process(
        # Without the working directory on its path, in which any module may lie.
        [sys.executable, "-P", "-c", _PROGRAM],
        input=msgspec.json.encode(what),
        stderr=DEVNULL,
        check=False,
        # Else llama.cpp lets a debugger loose on its own remains.
        env=os.environ | {"GGML_NO_BACKTRACE": "1"},
    )
