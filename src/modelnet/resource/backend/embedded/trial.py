"""What runs in a process of its own: a model is loaded with its projector, and shown an image."""

import sys
from pathlib import Path

import msgspec

from modelnet.core.error import ModelFileError, ModelnetError
from modelnet.core.request import Chat, ImagePart, ImageUrl, Message, Sampling, TextPart
from modelnet.resource.backend.embedded.engine import Engine, EngineSettings
from modelnet.resource.backend.llama.event import openai_event
from modelnet.resource.backend.llama.wire import chat_body

REFUSED = 3
"""The exit status of a trial that llama.cpp survived and the model did not pass."""

_GREY_SQUARE = (
    "data:image/png;base64,"
    "iVBORw0KGgoAAAANSUhEUgAAAEAAAABACAAAAACPAi4CAAAAKUlEQVR42u3MQREAAAwCIKMb3RD77SAA6VEEAoFA"
    "IBAIBAKBQCAQfA8G320AeXC6efoAAAAASUVORK5CYII="
)
_QUESTION = Chat(
    (Message("user", (ImagePart(ImageUrl(_GREY_SQUARE)), TextPart("What is this?"))),),
    Sampling(max_tokens=1),
)


class Trial(msgspec.Struct, frozen=True):
    """What is to be tried."""

    path: str
    """Of the model; that of its projector is in the settings."""
    settings: EngineSettings


def run(trial: Trial) -> None:
    """Load the model, and return if it says anything of an image.

    Raises:
        ModelFileError: it cannot be loaded, or says nothing.
    """
    engine = Engine(Path(trial.path), trial.settings)
    events: list[bytes] = []
    try:
        engine.chat(msgspec.json.encode(chat_body(_QUESTION)), lambda e: bool(events.append(e)))
        for event in events:
            openai_event(trial.path, event)
    except ModelnetError as error:
        raise ModelFileError(
            f"{trial.path} reads no image with {trial.settings.projector} ({error.message}); leave "
            "out the projector."
        ) from error
    finally:
        engine.close()


def main() -> None:
    """Do the trial that comes as JSON, and exit with 0 if the model has answered.

    If llama.cpp refused, it is `REFUSED`, with a sentence. llama.cpp may also end the process: that
    is its parent's to judge.
    """
    try:
        run(msgspec.json.decode(sys.stdin.buffer.read(), type=Trial))
    except ModelFileError as refusal:
        sys.stdout.write(refusal.message)
        sys.exit(REFUSED)
