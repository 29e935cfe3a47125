"""The models of the stand-in, and what it tells of them. Durations are nanoseconds, as Ollama's."""

import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from modelnet.testbed.standin.engine import Engine
from modelnet.testbed.standin.ollama.version import Features

KEEP_ALIVE = timedelta(minutes=5)
"""How long Ollama keeps a model in memory after a request."""


class Served:
    """A GGUF file under a name, with what Ollama would know of it."""

    def __init__(self, name: str, path: Path, *, thinks: bool = False, sees: bool = False) -> None:
        """A model that `thinks` has its `<think>` told apart; one that `sees` is told of images."""
        self.name = name if ":" in name else f"{name}:latest"
        self.path = path
        self.thinks = thinks
        self.sees = sees
        self.engine = Engine(path)
        self.capabilities: tuple[str, ...] = ()
        self.is_loaded = False

    async def open(self) -> None:
        """Start the engine, which knows what the model can do. It counts as loaded once used."""
        await self.engine.open()
        self.capabilities = await self._capabilities()

    async def _capabilities(self) -> tuple[str, ...]:
        if self.engine.header.is_embedder:
            return ("embedding",)
        told = {
            "completion": True,
            "tools": await self.engine.knows_tools(),
            "vision": self.sees,
            "thinking": self.thinks,
        }
        return tuple(name for name, has in told.items() if has)

    def listed(self) -> dict[str, Any]:
        """Return its entry in `/api/tags`."""
        changed = datetime.fromtimestamp(self.path.stat().st_mtime, UTC)
        return {**self._named(), "modified_at": changed.isoformat(), "details": self._details()}

    def running(self, now: datetime) -> dict[str, Any]:
        """Return its entry in `/api/ps`."""
        return {
            **self._named(),
            "details": self._details(),
            "expires_at": (now + KEEP_ALIVE).isoformat(),
            "size_vram": 0,
            "context_length": self.engine.context_length,
        }

    def shown(self, features: Features) -> dict[str, Any]:
        """Return the answer of `/api/show`."""
        header = self.engine.header
        architecture = header.text("general.architecture")
        shown: dict[str, Any] = {
            "license": header.text("general.license"),
            "modelfile": f"# A stand-in for Ollama serves this file\nFROM {self.path.name}\n",
            "parameters": "",
            "template": "",
            "details": self._details(),
            "model_info": {
                "general.architecture": architecture,
                "general.parameter_count": header.parameters,
                f"{architecture}.context_length": header.context_length,
            },
            "modified_at": self.listed()["modified_at"],
        }
        return shown | ({"capabilities": self.capabilities} if features.capabilities else {})

    def _named(self) -> dict[str, Any]:
        digest = hashlib.sha256(self.name.encode()).hexdigest()
        size = self.path.stat().st_size
        return {"name": self.name, "model": self.name, "size": size, "digest": digest}

    def _details(self) -> dict[str, Any]:
        family = self.engine.header.text("general.architecture")
        return {
            "parent_model": "",
            "format": "gguf",
            "family": family,
            "families": [family],
            "parameter_size": f"{self.engine.header.parameters / 1e6:.2f}M",
            "quantization_level": "unknown",
        }
