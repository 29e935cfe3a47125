"""Tool calls as Qwen, Hermes and their kin write them: JSON between two markers in the answer."""

from typing import Any

import msgspec

from modelnet.core.chunk import ToolCall
from modelnet.core.error import EngineError
from modelnet.resource.backend.tool import json_object

OPEN, CLOSE = "<tool_call>", "</tool_call>"


class _Written(msgspec.Struct):
    name: str
    arguments: dict[str, Any] | str = ""


class CallReader:
    """Takes the calls out of an answer that arrives in pieces; the rest of the text is shown."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._held = ""
        self._is_inside = False
        self.calls: list[ToolCall] = []
        """Those that are complete."""

    def feed(self, text: str) -> str:
        """Return what may be shown after `text` arrived.

        Raises:
            EngineError: a call cannot be read.
        """
        self._held += text
        shown = ""
        while (rest := self._held.partition(CLOSE if self._is_inside else OPEN))[1]:
            before, _, self._held = rest
            if self._is_inside:
                self.calls.append(self._read(before))
            else:
                shown += self._visible(before)
            self._is_inside = not self._is_inside
        return shown + self._visible(self._release())

    def flush(self, *, is_cut: bool) -> str:
        """Return what was held back, now that nothing more comes.

        A model that ends inside a call meant it; one that was cut off (`is_cut`) did not finish it.

        Raises:
            EngineError: the last call cannot be read.
        """
        held, self._held = self._held, ""
        if not self._is_inside:
            return self._visible(held)
        self._is_inside = False
        if is_cut:
            return OPEN + held
        self.calls.append(self._read(held))
        return ""

    def _release(self) -> str:
        if self._is_inside:
            return ""
        longest = min(len(self._held), len(OPEN) - 1)
        keep = next((n for n in range(longest, 0, -1) if OPEN.startswith(self._held[-n:])), 0)
        at = len(self._held) - keep
        shown, self._held = self._held[:at], self._held[at:]
        return shown

    def _visible(self, text: str) -> str:
        """Leave out the space between calls."""
        return "" if self.calls and not text.strip() else text

    def _read(self, written: str) -> ToolCall:
        try:
            call = msgspec.json.decode(json_object(written.strip(), self._name), type=_Written)
        except msgspec.DecodeError as error:
            raise EngineError(
                f"{self._name} called a tool without saying which; ask another model."
            ) from error
        told = call.arguments
        arguments = told if isinstance(told, str) else msgspec.json.encode(told).decode()
        return ToolCall(
            f"call_{len(self.calls)}", call.name, json_object(arguments or "{}", self._name)
        )
