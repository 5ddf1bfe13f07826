"""megfile's ways to open."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, Any

from aios3.compat.megfile.handles import (
    SESSION_DEFAULT,
    S3CachedHandler,
    S3MemoryHandler,
    S3PipeHandler,
    S3PrefetchReader,
    S3ShareCacheReader,
    open_file,
)
from aios3.compat.megfile.settings import sizes_for_reading, sizes_for_writing, text_of
from aios3.errors import ConfigError

if TYPE_CHECKING:
    from typing import TypeVar

    from aios3.compat.megfile.handles import (
        Handle,
    )
    from aios3.compat.megfile.settings import PathLike

    HandleT = TypeVar("HandleT", bound=Handle)


def s3_buffered_open(
    s3_url: PathLike,
    mode: str,
    followlinks: bool = False,
    *,
    max_concurrency: int | None = None,  # noqa: ARG001 - the session bounds requests and memory, not each file
    max_buffer_size: int = 134217728,  # noqa: ARG001
    forward_ratio: float | None = None,  # noqa: ARG001 - read-ahead follows the reads
    block_size: int | None = None,
    limited_seekable: bool = False,
    buffered: bool = False,  # noqa: ARG001 - files of aios3.sync are always buffered
    share_cache_key: str | None = None,
    cache_path: str | None = None,
    min_block_size: int | None = None,  # noqa: ARG001 - parts begin with block_size
    max_block_size: int = 134217728,  # noqa: ARG001 - and grow so that 10,000 are enough
    max_workers: int | None = None,  # noqa: ARG001 - max_concurrency since megfile 4
    block_forward: int | None = None,  # noqa: ARG001 - forward_ratio since megfile 4
    atomic: bool = False,  # noqa: ARG001 - every write is
    encoding: str | None = None,
    errors: str | None = None,
) -> IO[Any]:
    """Open an object; see :func:`aios3.sync.open`.

    ``share_cache_key`` shares what is read, ``limited_seekable`` lets head and tail of what is written be sought in,
    ``cache_path`` works in a local file. ``block_size`` is how much one request moves. The other arguments are taken
    and mean nothing: the session bounds requests and memory for all files together.
    """
    reads, is_whole = "r" in mode, "+" in mode or cache_path is not None
    options: dict[str, object] = {"encoding": encoding, "errors": errors, **_following(followlinks)}
    if cache_path is not None:
        options |= {"buffering": "disk", "cache_path": cache_path}
    elif share_cache_key is not None and reads and not is_whole:
        options |= {"buffering": "shared", "cache_key": share_cache_key}
    elif limited_seekable and not reads:
        options |= {"buffering": "limited"}
    if not is_whole and not (reads and share_cache_key is not None):
        options |= (sizes_for_reading if reads else sizes_for_writing)(block_size)
    return open_file(text_of(s3_url), mode, None, **options)


s3_open = s3_buffered_open


def s3_prefetch_open(
    s3_url: PathLike,
    mode: str = "rb",
    followlinks: bool = False,
    *,
    max_concurrency: int | None = None,  # noqa: ARG001 - the session's
    max_block_size: int = SESSION_DEFAULT,
    max_workers: int | None = None,  # noqa: ARG001
    encoding: str | None = None,
    errors: str | None = None,
) -> S3PrefetchReader | IO[str]:
    """Open an object for reading, with read-ahead; ``max_block_size`` is how much one request asks for."""
    _check_mode(mode, "r")
    sizes = sizes_for_reading(None if max_block_size == SESSION_DEFAULT else max_block_size)
    return _opened(S3PrefetchReader, s3_url, mode, encoding, errors, **sizes, **_following(followlinks))


def s3_share_cache_open(
    s3_url: PathLike,
    mode: str = "rb",
    followlinks: bool = False,
    *,
    cache_key: str = "lru",
    max_concurrency: int | None = None,  # noqa: ARG001 - the session's
    max_block_size: int = SESSION_DEFAULT,  # noqa: ARG001 - the session's
    max_workers: int | None = None,  # noqa: ARG001
    encoding: str | None = None,
    errors: str | None = None,
) -> S3ShareCacheReader | IO[str]:
    """Open an object for reading over blocks that all readers with the same ``cache_key`` share."""
    _check_mode(mode, "r")
    way = {"buffering": "shared", "cache_key": cache_key, **_following(followlinks)}
    return _opened(S3ShareCacheReader, s3_url, mode, encoding, errors, **way)


def s3_pipe_open(
    s3_url: PathLike,
    mode: str,
    followlinks: bool = False,
    *,
    join_thread: bool = True,
    encoding: str | None = None,
    errors: str | None = None,
) -> S3PipeHandler | IO[str]:
    """Open an object that is read or written from its start to its end.

    With ``join_thread=False``, closing a written one does not wait for S3.
    """
    _check_mode(mode, "rwx")
    way = {"buffering": "pipe", **_following(followlinks)} | ({} if join_thread or "r" in mode else {"join": False})
    return _opened(S3PipeHandler, s3_url, mode, encoding, errors, **way)


def s3_memory_open(
    s3_url: PathLike,
    mode: str,
    followlinks: bool = False,
    *,
    encoding: str | None = None,
    errors: str | None = None,
) -> S3MemoryHandler | IO[str]:
    """Open an object that is whole in memory, for frequent reads and writes anywhere."""
    way = {"buffering": "memory", **_following(followlinks)}
    return _opened(S3MemoryHandler, s3_url, mode, encoding, errors, **way)


def s3_cached_open(
    s3_url: PathLike,
    mode: str,
    followlinks: bool = False,
    *,
    cache_path: str | None = None,
    encoding: str | None = None,
    errors: str | None = None,
) -> S3CachedHandler | IO[str]:
    """Open an object that is whole in a local file, at ``cache_path`` or at a temporary path."""
    way = {"buffering": "disk", "cache_path": cache_path, **_following(followlinks)}
    return _opened(S3CachedHandler, s3_url, mode, encoding, errors, **way)


def _following(followlinks: bool) -> dict[str, object]:
    return {"followlinks": True} if followlinks else {}


def _check_mode(mode: str, kinds: str) -> None:
    if not mode or mode[0] not in kinds or "+" in mode:
        message = f"unacceptable mode: {mode!r}"
        raise ConfigError(message)


def _opened(
    handle: type[HandleT], path: PathLike, mode: str, encoding: str | None, errors: str | None, **options: object
) -> HandleT | IO[str]:
    """Open a binary file as megfile's class; text as the standard library's, which passes exceptions down here."""
    if "b" in mode:
        return handle.open_path(text_of(path), mode, None, **options)
    return open_file(text_of(path), mode, None, encoding=encoding, errors=errors, **options)
