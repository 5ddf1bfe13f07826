"""Base classes of fsspec, which has no types: a type checker sees that they have any attribute."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:

    class AsyncFileSystem:
        """A filesystem of fsspec whose methods are coroutines."""

        def __init__(self, *args: object, **kwargs: object) -> None: ...
        def __getattr__(self, name: str) -> Any: ...
        def open(self, *args: Any, **kwargs: Any) -> Any:
            """Open a file."""

        def _copy(self, *args: Any, **kwargs: Any) -> Any: ...
        def _expand_path(self, *args: Any, **kwargs: Any) -> Any: ...
        def _glob(self, *args: Any, **kwargs: Any) -> Any: ...
        def _walk(self, *args: Any, **kwargs: Any) -> Any: ...
        @classmethod
        def _strip_protocol(cls, path: Any) -> Any: ...
        @classmethod
        def current(cls) -> Any:
            """Return the filesystem that was made last."""

    class AbstractAsyncStreamedFile:
        """An open file of fsspec whose methods are coroutines."""

        def __getattr__(self, name: str) -> Any: ...

else:
    from fsspec.asyn import AbstractAsyncStreamedFile, AsyncFileSystem

__all__ = ["AbstractAsyncStreamedFile", "AsyncFileSystem"]
