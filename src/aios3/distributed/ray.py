"""An executor over Ray, which has none of its own. Ray is imported when one is made."""

from __future__ import annotations

from concurrent.futures import Executor
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from aios3.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from concurrent.futures import Future

P = ParamSpec("P")
T = TypeVar("T")


def ray_executor(**options: object) -> Executor:
    """Return an executor whose calls are Ray tasks, for :func:`run`.

    ``options`` are those of Ray's ``remote``: ``num_cpus=1``, ``max_retries=2``, ``resources={...}``. Connect with
    ``ray.init`` before; otherwise Ray starts on this machine. Raises ConfigError if Ray is not installed.
    """
    return _RayExecutor(options)


class _RayExecutor(Executor):
    def __init__(self, options: Mapping[str, object]) -> None:
        try:
            import ray  # noqa: PLC0415 - no dependency: only this executor needs it
        except ImportError as error:
            message = "ray_executor() needs Ray: pip install ray"
            raise ConfigError(message) from error
        self._ray = ray
        remote = ray.remote(_apply)
        self._remote = remote.options(**options) if options else remote

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Start ``fn`` as a Ray task."""
        reference = self._remote.remote(fn, args, kwargs)
        future: Future[T] = reference.future()
        future.add_done_callback(lambda done: self._ray.cancel(reference) if done.cancelled() else None)
        return future


def _apply(function: Callable[..., T], args: Sequence[object], kwargs: Mapping[str, object]) -> T:
    return function(*args, **kwargs)
