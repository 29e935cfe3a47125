"""llama.cpp's own server in a process of its own.

`python -m modelnet.testbed.bench.engine.server GGUF` prints its address, and
runs until it is stopped.
"""

import signal
import sys
from typing import Any

SLOTS = 4
CONTEXT_LENGTH = 256

_LAST_SIGNALS = (signal.SIGTERM, signal.SIGINT)


def llama_server(path: str) -> Any:
    """Return the running server of a GGUF file."""
    import xllamacpp

    library: Any = xllamacpp  # It ships without type information.
    params = library.CommonParams()
    params.model.path = path
    params.verbosity = -1
    params.port = 0
    params.n_parallel = SLOTS
    params.n_ctx = CONTEXT_LENGTH * SLOTS
    params.cpuparams.n_threads = 1
    params.endpoint_metrics = True
    params.endpoint_slots = True
    server = library.Server(params)
    server.handle_metrics()  # Its loop runs: closing it before then hangs.
    return server


def main() -> None:
    """Serve until a signal comes."""
    server = llama_server(sys.argv[1])
    signal.pthread_sigmask(signal.SIG_BLOCK, _LAST_SIGNALS)
    sys.stdout.write(f"{server.listening_address}\n")
    sys.stdout.flush()
    signal.sigwait(_LAST_SIGNALS)


if __name__ == "__main__":
    main()
