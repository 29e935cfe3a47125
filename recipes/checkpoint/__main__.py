"""Write a GGUF file of the Llama family as a Hugging Face folder and as an ONNX graph.

python -m recipes.checkpoint src/modelnet/resource/zoo/calc.gguf build/calc
"""

import argparse
from pathlib import Path

from recipes.checkpoint.checkpoint import read_checkpoint
from recipes.checkpoint.folder import write_folder
from recipes.checkpoint.graph import write_graph


def main() -> None:
    """Run the recipe."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("gguf", type=Path, help="the file to read")
    parser.add_argument("folder", type=Path, help="the folder to write")
    arguments = parser.parse_args()
    checkpoint = read_checkpoint(arguments.gguf)
    folder = write_folder(checkpoint, arguments.folder)
    graph = write_graph(checkpoint, folder / "model.onnx")
    print(f"{folder} holds the model for Hugging Face's libraries, {graph} for ONNX Runtime.")


if __name__ == "__main__":
    main()
