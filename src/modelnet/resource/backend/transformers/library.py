"""Where torch and transformers come in: they are optional, heavy and loud."""

import importlib
from typing import Any, NamedTuple

from modelnet.core.error import SettingsError


class Libraries(NamedTuple):
    """The libraries; none has types that could be had without installing it."""

    torch: Any
    transformers: Any
    jinja2: Any
    """What chat templates are written in; torch brings it."""


def load_libraries() -> Libraries:
    """Import them, which takes seconds the first time, and quieten them.

    Raises:
        SettingsError: they are not installed.
    """
    try:
        torch = importlib.import_module("torch")
        transformers = importlib.import_module("transformers")
        jinja2 = importlib.import_module("jinja2")
    except ImportError as error:
        raise SettingsError(
            f"A transformers: model needs what is not installed ({error}); "
            "run: pip install 'ai-modelnet[transformers]'"
        ) from error
    # Progress bars and advice do not belong between a node's own lines.
    transformers.utils.logging.disable_progress_bar()
    transformers.utils.logging.set_verbosity_error()
    return Libraries(torch, transformers, jinja2)
