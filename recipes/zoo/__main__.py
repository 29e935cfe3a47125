"""Train, export and examine the whole zoo: `python -m recipes.zoo`."""

import argparse
import json
import shutil
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from multiprocessing import get_context
from pathlib import Path

from recipes.zoo.make import make
from recipes.zoo.report import write_report
from recipes.zoo.result import Result, load
from recipes.zoo.spec import GENERALIST, SPECIALISTS, SPECS

_HERE = Path(__file__).parent
_OUT = _HERE.parents[1] / "build" / "zoo"
_PACKAGE = _HERE.parents[1] / "src" / "modelnet" / "resource" / "zoo"


def make_all(names: Sequence[str], out: Path) -> None:
    """Make the specialists in one process and the generalist in another, side by side."""
    shares = [
        [spec for spec in share if spec.name in names] for share in (SPECIALISTS, (GENERALIST,))
    ]
    with ProcessPoolExecutor(max_workers=2, mp_context=get_context("spawn")) as pool:
        for future in [pool.submit(make, share, out) for share in shares]:
            future.result()


def install(results: Sequence[Result], out: Path) -> None:
    """Put the files, their index and the report where they are committed, each at once."""
    index = json.dumps([asdict(result) for result in results], indent=2) + "\n"
    (out / "zoo.json").write_text(index)
    write_report(results, out / "RESULTS.md")
    _replace(out / "RESULTS.md", _HERE / "RESULTS.md")
    for name in (*(result.file for result in results), "zoo.json"):
        _replace(out / name, _PACKAGE / name)


def _replace(source: Path, target: Path) -> None:
    partial = target.with_name(f".{target.name}.part")
    shutil.copyfile(source, partial)
    partial.replace(target)


def main() -> None:
    """Run the recipe from the command line."""
    parser = argparse.ArgumentParser(prog="python -m recipes.zoo", description=__doc__)
    parser.add_argument("--out", type=Path, default=_OUT, help="folder to train into")
    parser.add_argument("--only", nargs="*", choices=SPECS, default=list(SPECS), help="make these")
    parser.add_argument("--install", action="store_true", help="put the files into the package")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    make_all(options.only, options.out)
    if options.install:
        install([load(options.out / f"{name}.json") for name in SPECS], options.out)


if __name__ == "__main__":
    main()
