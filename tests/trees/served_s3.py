"""An S3 of Amazon's kind whose objects are watched: a test is told of every request, and of whatever vanishes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from servers.amazon_objects import Object, etag

if TYPE_CHECKING:
    from collections.abc import Callable

    from servers.amazon import Amazon
    from servers.amazon_objects import Asked, Response, Upload

REGION = "us-east-1"
_OPERATIONS = {"HEAD": "HeadObject", "GET": "GetObject"}


class ServedS3:
    """The bucket ``bucket`` of a server, emptied; knows which versions were looked at.

    ``meanwhile`` is called before each request on objects, then ``faults``, whose result is the response instead. Both
    are called in the server's thread, which works on one request at a time.
    """

    def __init__(self, server: Amazon) -> None:
        self._server = server
        bucket = server.add_bucket("bucket", REGION)
        bucket.objects = self._objects = _Watched(self._vanishing)
        self.uploads: dict[str, Upload] = bucket.uploads
        self.looked_at: dict[str, bytes] = {}
        self.judge: Callable[[str, str, bytes, bool], None] | None = None
        """Called with how, the key, what is gone, and whether that was looked at, for whatever a verb makes vanish."""
        self.meanwhile: Callable[[str], None] | None = None
        self.faults: Callable[[Asked], Response | None] | None = None
        server.on_request = self._asked

    def contents(self) -> dict[str, bytes]:
        """Return what is stored, by key."""
        return {key: found.body for key, found in self._objects.copy().items()}

    def put(self, key: str, data: bytes) -> None:
        """Store an object for the other one."""
        self._objects[key] = Object(data, etag(data))

    def take(self, key: str) -> bytes | None:
        """Delete an object for the other one; return what it was."""
        found = self._objects.pop(key, None)
        return found and found.body

    def settle(self) -> None:
        """Wait until no request is worked on, not even one whose client has gone."""
        with self._server.exclusively():
            pass

    def _asked(self, asked: Asked) -> Response | None:
        is_listing = not asked.key and asked.query.get("list-type") == "2"
        if not asked.key and not is_listing and asked.method != "POST":
            return None  # where the bucket is
        if self.meanwhile is not None:
            self.meanwhile("ListObjectsV2" if is_listing else _OPERATIONS.get(asked.method, asked.method))
        response = self.faults(asked) if self.faults is not None else None
        if response is None:
            self._look(asked, is_listing=is_listing)
        return response

    def _look(self, asked: Asked, *, is_listing: bool) -> None:
        """Note what a HEAD or a listing shows."""
        if is_listing:
            prefix, delimiter = asked.query.get("prefix", ""), asked.query.get("delimiter")
            below = {key: data for key, data in self.contents().items() if key.startswith(prefix)}
            self.looked_at |= {
                key: data for key, data in below.items() if not delimiter or delimiter not in key[len(prefix) :]
            }
        elif asked.method == "HEAD" and asked.key in self._objects:
            self.looked_at[asked.key] = self._objects[asked.key].body

    def _vanishing(self, how: str, key: str, data: bytes) -> None:
        if self.judge is not None:
            self.judge(how, key, data, self.looked_at.get(key) == data)


class _Watched(dict[str, Object]):
    """Objects by key; ``vanishing`` is called with how, the key, and what is gone."""

    def __init__(self, vanishing: Callable[[str, str, bytes], None]) -> None:
        super().__init__()
        self._told = vanishing

    def __setitem__(self, key: str, made: Object) -> None:
        if key in self:
            self._told("replaced", key, self[key].body)
        super().__setitem__(key, made)

    def pop(self, key: str, default: Object | None = None) -> Object | None:
        if key in self:
            self._told("deleted", key, self[key].body)
        return super().pop(key, default)
