"""S3 in memory: what :mod:`aios3._namespace` asks of a backend, with small pages, a record, and faults on demand."""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from aios3._backend import BucketEntry, BucketPage, ListPage
from aios3._entries import SYMLINK_METADATA, StatResult
from aios3._paths import S3Url
from aios3._session import Session
from aios3.errors import from_response

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from aios3._backend import GetOptions, PutOptions
    from aios3._calls import AdminBackend, ObjectBackend
    from aios3.errors import S3Error


def rejected(operation: str, url: S3Url, code: str, status: int) -> S3Error:
    return from_response(operation=operation, path=str(url), code=code, status=status)


@dataclass
class FakeBackend:
    """Buckets of objects, each a description without a body.

    ``calls`` records ``"HEAD s3://b/k"``, ``"LIST s3://b/p"``, with ``/`` behind it for a delimiter, ``max=1`` for a
    limit, ``...`` for a continued listing. ``fault(call)`` may return an error to raise. While ``gate`` is not set,
    requests wait; ``waiting`` says how many do, ``interrupted`` how many were cancelled then.
    """

    page_size: int = 1000
    buckets: dict[str, dict[str, StatResult]] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    uploads: dict[str, str] = field(default_factory=dict)
    fault: Callable[[str], S3Error | None] = lambda call: None
    gate: Callable[[str], bool] = lambda call: True
    waiting: int = 0
    interrupted: int = 0
    is_aws: bool = False
    _opened: asyncio.Event = field(default_factory=asyncio.Event)

    def put(self, *paths: str, size: int = 1, mtime: float = 1.0, symlink_to: str | None = None) -> FakeBackend:
        """Store objects; ``s3://b/`` alone makes the bucket. Markers (``.../``) and links are empty."""
        for path in paths:
            url = S3Url.parse(path)
            objects = self.buckets.setdefault(url.bucket, {})
            metadata = {} if symlink_to is None else {SYMLINK_METADATA: symlink_to}
            is_empty = url.key.endswith("/") or symlink_to is not None
            if url.key:
                objects[url.key] = StatResult(size=0 if is_empty else size, mtime=mtime, metadata=metadata)
        return self

    def fail(self, call: str, code: str, status: int) -> None:
        """Respond to every call that begins with ``call`` with an error."""

        def fault(made: str) -> S3Error | None:
            return from_response(operation=made, path="?", code=code, status=status) if made.startswith(call) else None

        self.fault = fault

    def close_gate_at(self, call: str) -> None:
        """Let calls that begin with ``call`` wait until :meth:`open_gate`, or for ever."""
        self.gate = lambda made: not made.startswith(call)

    def open_gate(self) -> None:
        self.gate = lambda _: True
        self._opened.set()

    async def _enter(self, call: str) -> None:
        self.calls.append(call)
        if not self.gate(call):
            self.waiting += 1
            try:
                await self._opened.wait()
            except asyncio.CancelledError:
                self.interrupted += 1
                raise
            finally:
                self.waiting -= 1
        await asyncio.sleep(0)  # a request always lets others run
        if (error := self.fault(call)) is not None:
            raise error

    def _bucket(self, operation: str, url: S3Url) -> dict[str, StatResult]:
        if url.bucket not in self.buckets:
            raise rejected(operation, url, "NoSuchBucket", 404)
        return self.buckets[url.bucket]

    async def head_object(self, url: S3Url, options: GetOptions) -> StatResult:
        await self._enter(f"HEAD {url}")
        found = self.buckets.get(url.bucket, {}).get(url.key)
        if found is None:
            raise rejected("HeadObject", url, "404", 404)  # a HEAD has no body to say what is missing
        return replace(found, islnk=SYMLINK_METADATA in found.metadata)

    async def list_objects(
        self, url: S3Url, *, delimiter: str = "", token: str | None = None, start_after: str = "", max_keys: int = 1000
    ) -> ListPage:
        details = [delimiter, f"max={max_keys}" if max_keys != 1000 else "", "..." if token is not None else ""]
        await self._enter(" ".join(filter(None, ["LIST", str(url), *details])))
        objects = self._bucket("ListObjectsV2", url)
        after = start_after if token is None else token  # the fake's token is the last thing it returned
        wanted = [name for name in grouped(sorted(objects), url.key, delimiter) if name > after]
        size = min(self.page_size, max_keys)
        page, rest = wanted[:size], wanted[size:]
        keys = [name for name in page if not is_prefix(name, url.key, delimiter)]
        return ListPage(
            keys=keys,
            stats=[replace(objects[key], metadata={}) for key in keys],
            prefixes=[name for name in page if is_prefix(name, url.key, delimiter)],
            token=page[-1] if rest else None,
        )

    async def list_buckets(self, token: str | None = None) -> BucketPage:
        assert token is None
        await self._enter("LIST s3://")
        return BucketPage([BucketEntry(name, 1.0) for name in sorted(self.buckets)], None)

    async def head_bucket(self, url: S3Url) -> None:
        await self._enter(f"HEAD s3://{url.bucket}")
        if url.bucket not in self.buckets:
            raise rejected("HeadBucket", url, "404", 404)

    async def create_multipart_upload(self, url: S3Url, options: PutOptions, algorithm: str | None) -> str:
        await self._enter(f"CREATE {url}")
        self._bucket("CreateMultipartUpload", url)
        upload_id = f"upload-{len(self.calls)}"
        self.uploads[upload_id] = str(url)
        return upload_id

    async def abort_multipart_upload(self, url: S3Url, upload_id: str) -> None:
        await self._enter(f"ABORT {url}")
        assert self.uploads.pop(upload_id) == str(url)

    async def aclose(self) -> None:
        """Nothing to close."""


def is_prefix(name: str, prefix: str, delimiter: str) -> bool:
    """Whether ``name`` of a listing is a common prefix: the delimiter may end it, but not stand at its start."""
    return bool(delimiter) and name.endswith(delimiter) and name != prefix


def grouped(keys: list[str], prefix: str, delimiter: str) -> Iterator[str]:
    """The keys that begin with ``prefix``, those with a ``delimiter`` behind it as one common prefix each."""

    def name(key: str) -> str:
        end = key.find(delimiter, len(prefix)) if delimiter else -1
        return key if end < 0 else key[: end + len(delimiter)]

    matching = (key for key in keys if key.startswith(prefix))
    return (name for name, _ in itertools.groupby(matching, key=name))


class FakeSession(Session):
    """A real session whose requests go to a fake, whatever the profile."""

    def __init__(self, fake: FakeBackend) -> None:
        super().__init__()
        self.fake = fake

    async def backend(self, url: S3Url) -> ObjectBackend:
        self.bind()
        return self.fake

    async def admin(self, url: S3Url) -> AdminBackend:
        self.bind()
        return self.fake


async def until(condition: Callable[[], object]) -> None:
    """Let other tasks run until ``condition()``; the test's time limit is the only clock."""
    while not condition():
        await asyncio.sleep(0)


async def settled() -> None:
    """Let other tasks run until they all wait for something."""
    for _ in range(200):
        await asyncio.sleep(0)


def others() -> set[asyncio.Task[object]]:
    """Return all tasks but this one."""
    return asyncio.all_tasks() - {asyncio.current_task()}
