"""Loading a folder into torch: never from a hub, never pickled, never with code of the folder."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from modelnet.core.error import ModelFileError, SetupError
from modelnet.resource.backend.transformers.folder import Folder
from modelnet.resource.backend.transformers.library import Libraries

_LOCAL: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
_UNUSED = ("rotary_emb.inv_freq", ".masked_bias", ".attn.bias", "position_ids", "pooler.")
"""Weights that older folders lack because they are computed, or that are of no use here."""


class Loaded(NamedTuple):
    """What the libraries made of a folder."""

    tokenizer: Any
    model: Any


def load(libraries: Libraries, folder: Folder) -> Loaded:
    """Read tokenizer and weights, to the GPU where there is one.

    Raises:
        ModelFileError: the folder is incomplete or old.
        Exception: whatever the libraries raise on a folder that is corrupt or unknown to them.
    """
    tokenizer = libraries.transformers.AutoTokenizer.from_pretrained(folder.path, **_LOCAL)
    model = _model(libraries, folder)
    if not tokenizer.is_fast:
        raise ModelFileError(f"{folder.path} has an old tokenizer; save it as tokenizer.json.")
    # Otherwise a folder that was made for short inputs cuts long ones without a word.
    tokenizer.backend_tokenizer.no_truncation()
    tokenizer.backend_tokenizer.no_padding()
    if len(tokenizer) > model.get_input_embeddings().num_embeddings:
        raise ModelFileError(f"{folder.path} has tokens without weights; download it again.")
    return Loaded(tokenizer, model)


def _model(libraries: Libraries, folder: Folder) -> Any:
    auto = libraries.transformers
    kind = auto.AutoModelForCausalLM if folder.is_decoder else auto.AutoModel
    model, report = kind.from_pretrained(
        folder.path, use_safetensors=True, dtype="auto", output_loading_info=True, **_LOCAL
    )
    # transformers would make up the weights that it misses.
    missing = [str(key) for key in (*report["missing_keys"], *report["mismatched_keys"])]
    if missing := [key for key in missing if not any(part in key for part in _UNUSED)]:
        raise ModelFileError(
            f"{folder.path} lacks weights, {missing[0]} for one; download the whole model."
        )
    device = "cuda" if libraries.torch.cuda.is_available() else "cpu"
    return model.to(device).eval()


@contextmanager
def blaming(path: Path) -> Generator[None, None, None]:
    """Take whatever goes wrong with a folder at first for the folder's fault.

    Raises:
        ModelFileError: something went wrong.
    """
    try:
        yield
    except SetupError:
        raise
    # A folder decides which code of transformers runs, and tokenizers raises bare exceptions.
    except Exception as error:
        told = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
        raise ModelFileError(
            f"transformers cannot load {path} ({told}); is it whole, and of a kind it knows?"
        ) from error
