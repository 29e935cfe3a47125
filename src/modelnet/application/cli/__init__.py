"""The command line: one module a command."""

import sys


def main() -> None:
    """Run `modelnet` with the arguments of this process."""
    from modelnet.application.cli.program import run

    sys.exit(run(sys.argv[1:]))
