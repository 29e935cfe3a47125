"""Checks of what may be installed besides for `modelnet doctor`: engines, keys of clouds."""

import os
from collections.abc import Iterator, Mapping
from importlib.util import find_spec

from modelnet.application.cli.checkup.finding import Finding, hint, ok

_EXTRAS = {
    "onnx": ("onnx:PATH", ("onnxruntime", "tokenizers")),
    "sklearn": ("sklearn:PATH", ("sklearn", "skops")),
    "transformers": ("transformers:FOLDER", ("transformers", "torch")),
}
"""What can be served with each extra, and the modules it brings."""


def check_extras() -> Iterator[Finding]:
    """Tell which engines can be had in process; none of them is imported."""
    for name, (serves, modules) in _EXTRAS.items():
        missing = [module for module in modules if find_spec(module) is None]
        if missing:
            install = f"python -m pip install 'ai-modelnet[{name}]'"
            yield hint(name, f"not installed; it serves {serves}", install)
        else:
            yield ok(name, f"ready for --model {serves}")


def check_keys(environ: Mapping[str, str] = os.environ) -> Finding:
    """Tell which keys of clouds are set: their names, never what they hold."""
    from modelnet.resource.backend.anthropic.model import KEY_VARIABLE
    from modelnet.resource.backend.http.endpoint import KEY_PREFIX
    from modelnet.resource.backend.openai.endpoint import OWN_KEYS

    usual = (*OWN_KEYS.values(), KEY_VARIABLE)
    found = [name for name in usual if environ.get(name)]
    found += sorted(name for name in environ if name.startswith(KEY_PREFIX) and environ[name])
    if found:
        return ok("keys", f"set: {', '.join(found)}")
    return hint("keys", "none of a cloud is set", f"export {KEY_VARIABLE}=...")
