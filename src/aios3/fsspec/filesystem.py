"""The filesystem itself: its open files, and its blocking methods."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fsspec.asyn import async_methods as _async_methods

from aios3.errors import ConfigError
from aios3.fsspec.calls import add_blocking, blocking
from aios3.fsspec.extras import Extras
from aios3.fsspec.paths import require_key
from aios3.fsspec.untyped import AsyncFileSystem

if TYPE_CHECKING:
    from collections.abc import Callable

    from aios3.fsspec.files import S3ReadFile, S3WriteFile
    from aios3.fsspec.streams import S3AsyncFile

_BEYOND_FSSPEC = [
    "_abort_mpu",
    "_bulk_delete",
    "_call_s3",
    "_checksum",
    "_chmod",
    "_clear_multipart_uploads",
    "_created",
    "_get_delegated_s3pars",
    "_get_tags",
    "_getxattr",
    "_invalidate_region_cache",
    "_is_bucket_versioned",
    "_list_multipart_uploads",
    "_make_bucket_versioned",
    "_merge",
    "_metadata",
    "_modified",
    "_mv",
    "_object_version_info",
    "_put_tags",
    "_rmdir",
    "_setxattr",
    "_sign",
    "_touch",
    "_url",
]


class S3FileSystem(Extras):
    """S3 as a filesystem of fsspec, with the options, methods and defaults of s3fs.

    One instance serves all threads, all event loops and, after a fork, the child process: each loop has connections of
    its own. Its blocking methods run on the background loop of :mod:`aios3.sync`, or on ``loop`` if one is given. The
    methods with an underscore are coroutines for any loop, with ``asynchronous=True`` or without.

    Listings are remembered for ``listings_expiry_time`` seconds (5), and no longer than until this instance writes. The
    options of the constructor are those of s3fs; ``docs/migrating/s3fs.md`` says what each means here.

    Raises ConfigError (a ValueError) for options that have no meaning. Raises WrongTypeError (a TypeError) for unknown
    options and for those of a wrong type.
    """

    def _open(
        self,
        path: str,
        mode: str = "rb",
        block_size: int | None = None,
        acl: str | bool = False,
        version_id: str | None = None,
        fill_cache: bool | None = None,
        cache_type: str | None = None,
        autocommit: bool = True,
        size: int | None = None,
        requester_pays: bool | None = None,
        cache_options: dict[str, object] | None = None,
        **kwargs: object,
    ) -> S3ReadFile | S3WriteFile:
        """Open an object: ``rb``, ``wb``, ``xb`` or ``ab``.

        When reading, ``block_size`` limits a request. When writing, it is the size of a part, at least 5 MiB.
        ``cache_type`` must be known to fsspec; the reader decides about read-ahead.

        ``kwargs`` are S3's parameters of a write, such as ``ContentType``.
        """
        from aios3.fsspec.files import open_file  # noqa: PLC0415 - slow to import, and not needed to list

        del fill_cache, size, cache_options  # what is kept and read ahead is the reader's to decide
        settings = {
            "block_size": block_size,
            "acl": acl,
            "version_id": version_id,
            "cache_type": cache_type,
            "autocommit": autocommit,
            "requester_pays": requester_pays,
            "parameters": kwargs,
        }
        return open_file(self, path, mode, settings)

    def open(
        self,
        path: str,
        mode: str = "rb",
        block_size: int | None = None,
        cache_options: dict[str, object] | None = None,
        compression: str | None = None,
        **kwargs: Any,
    ) -> Any:
        """Open an object as fsspec does: bytes or text, and plain bytes of a compressed one with ``compression``.

        Closing a compressed file closes the object. Raises ValueError for a compression that fsspec does not know.
        """
        sizes = {"block_size": block_size, "cache_options": cache_options}
        if compression is None or "b" not in mode:
            return super().open(path, mode, compression=compression, **sizes, **kwargs)
        from fsspec.compression import compr  # noqa: PLC0415 - slow to import, and seldom needed
        from fsspec.core import get_compression  # noqa: PLC0415 - seldom needed

        from aios3.fsspec.compressed import CompressedFile  # noqa: PLC0415 - seldom needed

        codec = get_compression(self._strip_protocol(path), compression)
        file = super().open(path, mode, **sizes, **kwargs)
        return file if codec is None else CompressedFile(compr[codec](file, mode=mode[0]), file)

    async def open_async(self, path: str, mode: str = "rb", **kwargs: Any) -> S3AsyncFile:
        """Open an object for coroutines of the running loop: ``rb``, ``wb``, ``xb`` or ``ab``.

        Raises ValueError for text and compression, which fsspec leaves to the blocking ``open``.
        """
        from aios3.fsspec.streams import open_stream  # noqa: PLC0415 - not needed to list

        if mode not in {"rb", "wb", "xb", "ab"} or kwargs.pop("compression", None):
            message = f"open_async() opens bytes, in modes 'rb', 'wb', 'xb' and 'ab', not {mode!r}"
            raise ConfigError(message)
        ref = require_key(self.parse_ref(path))
        kwargs.pop("block_size", None)
        if mode == "rb":
            version_id = self._version(kwargs.pop("version_id", None), ref.version_id)
            return await open_stream(self, ref, mode, dict(self.reading(version_id)))
        self._writable(path)
        return await open_stream(self, ref, mode, dict(self.writing(kwargs)))

    def reading_sizes(self, block_size: int) -> dict[str, int]:
        """Return the sizes with which a file is read whose caller asks for blocks of ``block_size`` bytes."""
        config = self._settings.config
        request = max(4096, min(block_size, config.memory_budget // 2))
        return {"request_size": request, "block_size": min(config.block_size, request)}

    def __repr__(self) -> str:
        return f"<aios3.fsspec.S3FileSystem {self.endpoint_url or 'default endpoint'}>"

    close: Callable[..., Any] = blocking("aclose")
    connect: Callable[..., Any] = blocking("set_session")


add_blocking(S3FileSystem, {*_async_methods, *_BEYOND_FSSPEC, *dir(AsyncFileSystem)})
