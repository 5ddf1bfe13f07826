"""Engines: the processes or machines that ``--on`` names, and a connection to them."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from aios3.cli._units import parse_count
from aios3.cli._usage import UsageError

if TYPE_CHECKING:
    from concurrent.futures import Executor

_CONNECT_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Engine:
    """The engine of one ``--on``."""

    kind: Literal["processes", "dask", "ray"]
    address: str | None = None
    """The scheduler of Dask, or the address that Ray takes; None starts Ray, or finds the one of this machine."""
    processes: int | None = None
    """Worker processes of this machine; None makes one for each processor."""


def parse_engine(text: str) -> Engine:
    """Return the engine that ``text`` names; raise ArgumentTypeError for another text."""
    kind, scheme_end, address = text.partition("://")
    if kind == "dask" and address:
        return Engine("dask", f"tcp://{address}")
    if kind == "ray" and bool(scheme_end) == bool(address):
        return Engine("ray", text if address else None)
    kind, separator, count = text.partition(":")
    if kind == "processes" and bool(separator) == bool(count):
        return Engine("processes", processes=parse_count(count) if count else None)
    message = f"{text!r} is no engine; write processes, processes:N, dask://HOST:PORT, ray or ray://HOST:PORT"
    raise argparse.ArgumentTypeError(message)


class Connected:
    """An engine that is ready: the executor that :func:`aios3.distributed.run` takes, and how to leave it."""

    def __init__(self, engine: Engine) -> None:
        """Connect; blocks. Raises UsageError where the engine's library is not installed."""
        self._engine = engine
        self.executor: Executor | int | None = engine.processes
        self.slots: int | None = None
        """Ranges that the engine works on at once now; None for processes of this machine, which the run counts."""
        if engine.kind == "dask":
            self._connect_to_dask()
        elif engine.kind == "ray":
            self._connect_to_ray()

    def _connect_to_dask(self) -> None:
        try:
            from distributed import Client  # noqa: PLC0415 - no dependency: only this engine needs it
        except ImportError as error:
            message = "--on dask://HOST:PORT needs Dask: pip install distributed"
            raise UsageError(message) from error
        self._client = Client(self._engine.address, timeout=_CONNECT_SECONDS, set_as_default=False)
        self.executor = self._client.get_executor(pure=False, retries=2)
        self.slots = max(1, sum(self._client.nthreads().values()))  # none yet, where they are started for work

    def _connect_to_ray(self) -> None:
        try:
            import ray  # noqa: PLC0415 - no dependency: only this engine needs it
        except ImportError as error:
            message = "--on ray needs Ray: pip install ray"
            raise UsageError(message) from error
        from aios3.distributed import ray_executor  # noqa: PLC0415 - imports the library's runs

        self._ray = ray
        ray.init(self._engine.address, log_to_driver=False)
        self.executor = ray_executor(max_retries=2)
        self.slots = max(1, int(ray.cluster_resources().get("CPU", 0)))

    def leave(self) -> None:
        """Disconnect; the engine goes on, unless it was started here. Blocks."""
        if self._engine.kind == "dask":
            self._client.close()
        elif self._engine.kind == "ray":
            self._ray.shutdown()
