"""Runs a stand-in: `python -m modelnet.testbed.standin ollama --port 11434 general`."""

import argparse
import asyncio
import sys
from pathlib import Path

from modelnet.resource.zoo import FOLDER
from modelnet.testbed.standin.anthropic import AnthropicStandIn
from modelnet.testbed.standin.anthropic import Served as AnthropicServed
from modelnet.testbed.standin.ollama import OllamaStandIn
from modelnet.testbed.standin.ollama import Served as OllamaServed

PORTS = {"ollama": 11434, "anthropic": 11435}
KEY = "stand-in"


def main(arguments: list[str]) -> None:
    """Run a stand-in until it is interrupted."""
    parser = argparse.ArgumentParser("python -m modelnet.testbed.standin", description=__doc__)
    parser.add_argument("api", choices=sorted(PORTS))
    parser.add_argument("model", nargs="?", default="general", help="of the zoo, or a GGUF file")
    parser.add_argument("--port", type=int, help="0 for any free one")
    options = parser.parse_args(arguments)
    port = PORTS[options.api] if options.port is None else options.port
    asyncio.run(_run(options.api, options.model, port))


async def _run(api: str, model: str, port: int) -> None:
    path = Path(model) if model.endswith(".gguf") else FOLDER / f"{model}.gguf"
    async with _stand_in(api, path, port) as server:
        told = f"This is no {api}, but a stand-in with {path.stem}, at {server.url}\n"
        sys.stdout.write(told)
        sys.stdout.flush()
        await asyncio.Event().wait()


def _stand_in(api: str, path: Path, port: int) -> OllamaStandIn | AnthropicStandIn:
    if api == "ollama":
        return OllamaStandIn([OllamaServed(path.stem, path)], port=port)
    return AnthropicStandIn([AnthropicServed(path.stem, path, thinks=True)], key=KEY, port=port)


if __name__ == "__main__":
    main(sys.argv[1:])
