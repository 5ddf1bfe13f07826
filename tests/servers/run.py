"""Start one server by hand, or install several: ``python tests/servers/run.py ceph [--port N]``.

Prints what reaches it, and stops it on Ctrl-C or TERM.
"""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path

sys.path[0] = str(Path(__file__).parents[1])  # instead of this folder, whose files have names of installed modules

import servers  # noqa: E402 - only found now


def main() -> int:
    """Do what the command line says; return the exit status."""
    options = _options()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        if options.install:
            servers.install(options.name)
            return 0
        with servers.running(options.name, options.port) as server:
            print(f"{server.name} {server.endpoint_url} {server.access_key} {server.secret_key}", flush=True)  # noqa: T201 - what it is for
            signal.pause()
    except servers.UnavailableError as error:
        print(f"{options.name} is not available here: {error}", file=sys.stderr)  # noqa: T201 - for who called it
        return 3
    except KeyboardInterrupt:
        return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=servers.NAMES)
    parser.add_argument("--port", type=int, default=0, help="the port of 127.0.0.1 to listen on (default: a free one)")
    parser.add_argument("--install", action="store_true", help="only install it; exit with 3 if that is impossible")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
