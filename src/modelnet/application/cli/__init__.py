"""The command line: one module a command."""

import sys

INTERRUPTED = 130


def main() -> None:
    """Run `modelnet` with the arguments of this process."""
    try:
        from modelnet.application.cli.program import run

        code = run(sys.argv[1:])
    except KeyboardInterrupt:
        code = INTERRUPTED
    sys.exit(code)
