"""The version of an object that a file reads: the first response pins it, every later one is compared with it.

Nothing here awaits.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from aios3.errors import ObjectChangedError

if TYPE_CHECKING:
    from aios3._backend import GetOptions, ObjectBody
    from aios3._entries import StatResult
    from aios3._paths import S3Url
    from aios3.errors import InvalidRangeError, S3Error


class PinnedVersion:
    """One version of the object at ``url``, and the ``options`` of GETs that ask for it."""

    def __init__(self, url: S3Url, options: GetOptions) -> None:
        self.options = options
        """Have the ETag as ``If-Match`` once the version is known."""
        self.stat: StatResult | None = None
        """The description in the first response; None before that."""
        self._url = url

    def check(self, body: ObjectBody) -> None:
        """Pin the version of the first ``body``. Raise ObjectChangedError for one of another version.

        Servers may ignore ``If-Match``, so every response is compared.
        """
        stat = self.stat
        if stat is None or not stat.etag or (stat.etag, stat.size) != (body.etag, body.size):
            self._pin(body.stat)

    def past_the_end(self, start: int, rejection: InvalidRangeError) -> S3Error:
        """Return the error for ``start`` after the last byte: a change, if the pinned version has a byte there.

        A server that supports ``If-Match`` would have responded with 412.
        """
        stat = self.stat
        if stat is None or start >= stat.size:
            return rejection
        message = f"{self._url} changed while it was being read: byte {start:,} of {stat.size:,} is gone; open it again"
        return ObjectChangedError(message, path=str(self._url), operation="GetObject")

    def _pin(self, stat: StatResult) -> None:
        pinned = self.stat
        if pinned is None:
            self.stat = stat
            if stat.etag:
                self.options = replace(self.options, if_match=stat.etag)
        elif _version(pinned) != _version(stat):
            message = (
                f"{self._url} changed while it was being read: it was {pinned.size:,} bytes with ETag {pinned.etag}, "
                f"it is {stat.size:,} bytes with ETag {stat.etag}; open it again"
            )
            raise ObjectChangedError(message, path=str(self._url), operation="GetObject")


def _version(stat: StatResult) -> tuple[object, ...]:
    return (stat.size, stat.etag) if stat.etag else (stat.size, stat.mtime)
