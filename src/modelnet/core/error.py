"""The error tree. Every error says whose fault it is, whether to try again, and after how long.

    ModelnetError
    +-- RequestError            the asker's fault
    |   +-- InvalidRequestError, UnknownModelError, UnsupportedError, ContextTooLongError
    |   +-- LimitError, AuthenticationError
    |   +-- UnknownTaskError, JudgedError
    +-- MessageError            a message between nodes that must not be believed
    |   +-- MalformedError, SignatureError, RecipientError, StaleError, ReplayError, VersionError
    +-- AvailabilityError       try again, here or elsewhere
    |   +-- OverloadedError, NoModelError, PeerLostError, DeadlineError
    +-- EngineError             the model's fault
    +-- SetupError              the operator's fault: found at start, mended by hand
        +-- SettingsError, AddressError, KeyFileError, ModelFileError, StorageError

`STATUS_OF` is the only table from errors to HTTP statuses and process exit codes.
"""

from typing import ClassVar, Literal, NamedTuple, TypeAlias

import msgspec

Fault: TypeAlias = Literal["asker", "peer", "model", "network", "operator"]


class ModelnetError(Exception):
    """Root of every error this package raises on purpose.

    The message is one sentence for a person; `code` is for programs and travels between nodes.
    """

    code: ClassVar[str] = "internal"
    fault: ClassVar[Fault] = "peer"
    retryable: ClassVar[bool] = False

    def __init__(self, message: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.retry_after_s = retry_after_s


class RequestError(ModelnetError):
    """The request cannot be answered as it is; asking again will not help.

    `param` names the field at fault, where there is one: `messages[0].content`.
    """

    code = "invalid_request"
    fault = "asker"

    def __init__(
        self, message: str, *, retry_after_s: float | None = None, param: str | None = None
    ) -> None:
        super().__init__(message, retry_after_s=retry_after_s)
        self.param = param


class InvalidRequestError(RequestError):
    """Malformed JSON, a wrong type, an empty message, a value out of range."""


class UnknownModelError(RequestError):
    """No reachable node serves a model of that name."""

    code = "model_not_found"


class UnsupportedError(RequestError):
    """The model lacks the operation or the kind of input."""

    code = "unsupported"


class ContextTooLongError(RequestError):
    """Prompt and answer do not fit the model's context."""

    code = "context_length_exceeded"


class LimitError(RequestError):
    """Nobody who could answer keeps to the limits that were set on cost, time or quality."""

    code = "limit_exceeded"


class AuthenticationError(RequestError):
    """The bearer key is missing or wrong."""

    code = "invalid_api_key"


class UnknownTaskError(RequestError):
    """No answer of that id is remembered: not here, not any more, or it is somebody else's."""

    code = "task_not_found"


class JudgedError(RequestError):
    """The answer was judged already, and the first word stands."""

    code = "already_judged"


class MessageError(ModelnetError):
    """A message between nodes that must not be believed."""

    code = "message_refused"
    fault = "peer"


class MalformedError(MessageError):
    """The bytes are not a frame of the protocol."""

    code = "malformed"


class SignatureError(MessageError):
    """The signature does not belong to the sender and the content."""

    code = "bad_signature"


class RecipientError(MessageError):
    """The message was meant for another node."""

    code = "wrong_recipient"


class StaleError(MessageError):
    """Sent too long ago, or by a node whose clock is off."""

    code = "stale"


class ReplayError(MessageError):
    """A message with this id was already taken."""

    code = "replayed"


class VersionError(MessageError):
    """The sender speaks a version of the protocol that this node does not."""

    code = "unknown_version"


class AvailabilityError(ModelnetError):
    """Nothing wrong with the request: try again, here or elsewhere."""

    code = "unavailable"
    fault = "network"
    retryable = True


class OverloadedError(AvailabilityError):
    """The queue is full; `retry_after_s` says when it should have moved."""

    code = "overloaded"
    fault = "peer"


class NoModelError(AvailabilityError):
    """No model that could answer is reachable now."""

    code = "no_model"


class PeerLostError(AvailabilityError):
    """The node that was answering is gone."""

    code = "peer_lost"


class DeadlineError(AvailabilityError):
    """The deadline passed first."""

    code = "deadline_exceeded"


class EngineError(ModelnetError):
    """The engine under a model failed or answered garbage."""

    code = "engine_failed"
    fault = "model"
    retryable = True


class SetupError(ModelnetError):
    """Something on this machine must be mended by hand before a node can start."""

    code = "setup"
    fault = "operator"


class SettingsError(SetupError):
    """A flag, variable or settings file that makes no sense."""

    code = "settings"


class AddressError(SetupError):
    """An address that is in use, dead, or not an address."""

    code = "address"


class KeyFileError(SetupError):
    """The key file is corrupt or readable by others."""

    code = "key_file"


class ModelFileError(SetupError):
    """A model file that is missing or corrupt."""

    code = "model_file"


class StorageError(SetupError):
    """The disk is full or the data directory cannot be written."""

    code = "storage"


class Status(NamedTuple):
    """How an error looks from outside."""

    http: int
    exit_code: int


STATUS_OF: dict[type[ModelnetError], Status] = {
    ModelnetError: Status(500, 1),
    RequestError: Status(400, 2),
    InvalidRequestError: Status(400, 2),
    UnknownModelError: Status(404, 3),
    UnsupportedError: Status(400, 2),
    ContextTooLongError: Status(400, 2),
    LimitError: Status(400, 2),
    AuthenticationError: Status(401, 4),
    UnknownTaskError: Status(404, 3),
    JudgedError: Status(409, 2),
    MessageError: Status(502, 5),
    MalformedError: Status(502, 5),
    SignatureError: Status(502, 5),
    RecipientError: Status(502, 5),
    StaleError: Status(502, 5),
    ReplayError: Status(502, 5),
    VersionError: Status(502, 5),
    AvailabilityError: Status(503, 6),
    OverloadedError: Status(429, 6),
    NoModelError: Status(503, 6),
    PeerLostError: Status(502, 6),
    DeadlineError: Status(504, 7),
    EngineError: Status(502, 8),
    SetupError: Status(500, 9),
    SettingsError: Status(500, 9),
    AddressError: Status(500, 10),
    KeyFileError: Status(500, 11),
    ModelFileError: Status(500, 12),
    StorageError: Status(507, 13),
}


def status_of(error: ModelnetError) -> Status:
    """Return the HTTP status and exit code of an error."""
    return STATUS_OF[type(error)]


class ErrorReport(msgspec.Struct, frozen=True, omit_defaults=True):
    """An error as it travels between nodes."""

    code: str
    message: str
    fault: Fault
    retryable: bool
    retry_after_s: float | None = None


# A class may inherit its code; the table lists parents first, so the most special one is found.
_BY_CODE: dict[str, type[ModelnetError]] = {kind.code: kind for kind in STATUS_OF}


def report(error: ModelnetError) -> ErrorReport:
    """Return what other nodes are told about an error."""
    return ErrorReport(error.code, error.message, error.fault, error.retryable, error.retry_after_s)


def error_from(told: ErrorReport) -> ModelnetError:
    """Return the error another node reported; an unknown code becomes an `EngineError`.

    A peer's word is data: its text is kept, its class is looked up, nothing else is believed.
    """
    kind = _BY_CODE.get(told.code, EngineError)
    return kind(told.message, retry_after_s=told.retry_after_s)
