"""The models of the stand-in, and what it tells of them."""

from pathlib import Path
from typing import Any

from modelnet.testbed.standin.engine import Engine


class Served:
    """A GGUF file under a name, with the abilities that tell one Claude from another."""

    def __init__(
        self,
        name: str,
        path: Path,
        *,
        thinks: bool = False,
        sees: bool = False,
        prefills: bool = True,
        samples: bool = True,
    ) -> None:
        """Newer models neither go on with a begun turn (`prefills`) nor take a temperature."""
        self.name = name
        self.thinks = thinks
        self.sees = sees
        self.prefills = prefills
        self.samples = samples
        self.calls_tools = False
        self.engine = Engine(path)

    async def open(self) -> None:
        """Start the engine, which knows what the model can do."""
        await self.engine.open()
        self.calls_tools = await self.engine.knows_tools()

    def told(self) -> dict[str, Any]:
        """Return what `/v1/models` tells of it."""
        return {
            "type": "model",
            "id": self.name,
            "display_name": f"{self.name}, a stand-in",
            "created_at": "1970-01-01T00:00:00Z",
            "max_input_tokens": self.engine.context_length,
            "max_tokens": self.engine.context_length,
            "capabilities": {
                "image_input": {"supported": self.sees},
                "structured_outputs": {"supported": True},
                "thinking": {"supported": self.thinks},
            },
        }
