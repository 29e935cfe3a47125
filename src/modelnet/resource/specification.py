"""What `--model` says: `zoo:calc`, `gguf:PATH`, `ollama:llama3.2`, `openai:URL#model` and others.

`_SCHEMES` at the end has them all. Any of them may be given another name, `NAME=zoo:calc`, and held
to so many characters of answer a second, `zoo:text?pace=20`, for people who want to watch.
"""

import importlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from modelnet.core.error import SettingsError
from modelnet.resource.model import Model

_SPECIFICATION = re.compile(r"(?:(?P<name>[^=:#?@,]+)=)?(?P<scheme>[a-z]+):(?P<rest>.+)")
_RULED = re.compile(r"(?P<model>.+)\?copy=(?P<word>yes|no)")
_PROJECTOR_MARK = ";projector="
_PACED = re.compile(r"(?P<model>.+)\?pace=(?P<characters_per_s>\d+(\.\d+)?)")


class Specification(NamedTuple):
    """A specification taken apart."""

    name: str | None
    scheme: str
    rest: str


def parse_specification(text: str) -> Specification:
    """Take a specification apart.

    Raises:
        SettingsError: it is none, or of a kind nobody knows.
    """
    match = _SPECIFICATION.fullmatch(text.strip())
    if match is None:
        raise SettingsError(f"{text!r} does not name a model; write one of {_known()}.")
    if match["scheme"] not in _SCHEMES:
        raise SettingsError(f"{text!r} is of an unknown kind; write one of {_known()}.")
    return Specification(match["name"], match["scheme"], match["rest"])


def model_from(text: str) -> Model:
    """Return the model a specification names, not yet started.

    Raises:
        SettingsError: the specification names nothing that exists.
        ModelFileError: it names a file that is missing or is not a model.
    """
    if paced := _PACED.fullmatch(text.strip()):
        return _paced(paced["model"], float(paced["characters_per_s"]))
    if ruled := _RULED.fullmatch(text.strip()):
        return _ruled(ruled["model"], may_copy=ruled["word"] == "yes")
    name, scheme, rest = parse_specification(text)
    return _SCHEMES[scheme].build(rest, name)


def _paced(text: str, characters_per_s: float) -> Model:
    from modelnet.resource.backend.paced import PacedModel

    if not characters_per_s:
        raise SettingsError(f"'{text}?pace=0' would never answer; write a larger number.")
    return PacedModel(model_from(text), characters_per_s)


def _ruled(text: str, *, may_copy: bool) -> Model:
    from modelnet.resource.backend.embedded import EmbeddedModel

    found = model_from(text)
    if not isinstance(found, EmbeddedModel):
        raise SettingsError(f"{text!r} is no file that could be copied; leave out `?copy=`.")
    return found.permitting(may_copy=may_copy)


def _zoo(rest: str, name: str | None) -> Model:
    from modelnet.resource.zoo import zoo_model

    return zoo_model(rest, rename=name)


def _gguf(rest: str, name: str | None) -> Model:
    from modelnet.resource.backend.embedded import Claims, EmbeddedModel

    path, mark, second = rest.partition(_PROJECTOR_MARK)
    if mark and not second:
        raise SettingsError(f"'gguf:{rest}' names no projector; write its path behind the =.")
    projector = Path(second).expanduser() if mark else None
    return EmbeddedModel(Path(path).expanduser(), Claims(name=name), projector=projector)


def _llama(rest: str, name: str | None) -> Model:
    from modelnet.resource.backend.llama import LlamaModel, llama_endpoint

    return LlamaModel(llama_endpoint(rest), name=name)


def _openai(rest: str, name: str | None) -> Model:
    from modelnet.resource.backend.openai import OpenAIModel, openai_endpoint

    return OpenAIModel(openai_endpoint(rest), name=name)


def _oip(rest: str, name: str | None) -> Model:
    from modelnet.resource.backend.oip import OpenInferenceModel, oip_endpoint

    return OpenInferenceModel(oip_endpoint(rest), name=name)


def _ollama(rest: str, name: str | None) -> Model:
    from modelnet.resource.backend.ollama import OllamaModel, ollama_endpoint

    return OllamaModel(ollama_endpoint(rest), name=name)


def _anthropic(rest: str, name: str | None) -> Model:
    from modelnet.resource.backend.anthropic import AnthropicModel, anthropic_endpoint

    return AnthropicModel(anthropic_endpoint(rest), name=name)


def _transformers(rest: str, name: str | None) -> Model:
    from modelnet.resource.backend.transformers import TransformersModel

    return TransformersModel(Path(rest).expanduser(), name=name)


def _python(rest: str, name: str | None) -> Model:
    from modelnet.resource.backend.function import FunctionModel, model
    from modelnet.resource.backend.sklearn import EstimatorModel, is_estimator
    from modelnet.resource.backend.typed import TypedModel

    target = _import_target(rest)
    if is_estimator(target):
        return EstimatorModel(target, name=name or rest.rpartition(":")[2])
    if not callable(target):
        module_name, _, path = rest.partition(":")
        raise SettingsError(f"The module {module_name} has no function {path}; check its name.")
    if not isinstance(target, FunctionModel | TypedModel):
        target = model()(target)
    return target.renamed(name) if name else target


def _onnx(rest: str, name: str | None) -> Model:
    from modelnet.resource.backend.onnx import OnnxModel

    return OnnxModel(Path(rest).expanduser(), name=name)


def _sklearn(rest: str, name: str | None) -> Model:
    from modelnet.resource.backend.sklearn import EstimatorModel

    return EstimatorModel(Path(rest).expanduser(), name=name)


def _import_target(rest: str) -> Any:
    module_name, _, path = rest.partition(":")
    if not path:
        raise SettingsError(f"'python:{rest}' names no function; write python:module:function.")
    try:
        target: Any = importlib.import_module(module_name)
    except ImportError as error:
        raise SettingsError(
            f"The module {module_name} cannot be imported ({error}); check PYTHONPATH."
        ) from error
    except Exception as error:  # The module is the user's: whatever it raises ends here.
        raise SettingsError(
            f"The module {module_name} fails as it is imported ({error!r}); mend it."
        ) from error
    for part in path.split("."):
        target = getattr(target, part, None)
    if target is None:
        raise SettingsError(f"The module {module_name} has no function {path}; check its name.")
    return target


class _Scheme(NamedTuple):
    usage: str
    build: Callable[[str, str | None], Model]


_SCHEMES: dict[str, _Scheme] = {
    "zoo": _Scheme("zoo:NAME", _zoo),
    "gguf": _Scheme("gguf:PATH", _gguf),
    "llama": _Scheme("llama:URL", _llama),
    "openai": _Scheme("openai:URL#MODEL", _openai),
    "oip": _Scheme("oip:URL#MODEL", _oip),
    "onnx": _Scheme("onnx:PATH", _onnx),
    "sklearn": _Scheme("sklearn:PATH", _sklearn),
    "ollama": _Scheme("ollama:MODEL", _ollama),
    "anthropic": _Scheme("anthropic:MODEL", _anthropic),
    "transformers": _Scheme("transformers:FOLDER", _transformers),
    "python": _Scheme("python:MODULE:FUNCTION", _python),
}


def _known() -> str:
    return ", ".join(scheme.usage for scheme in _SCHEMES.values())
