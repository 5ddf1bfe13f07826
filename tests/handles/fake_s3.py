"""S3 in memory as a backend: the rules that files depend on, a step to be cancelled at in every call, and faults.

``faults`` is asked before every call with its operation and arguments; it may raise, or return an exception that is
raised after the call has had its effect (a response that is lost).
"""

from __future__ import annotations

import asyncio
import hashlib
import inspect
import itertools
from collections import Counter
from dataclasses import dataclass, field, fields, replace

from aios3 import _backend as backend
from aios3 import _operations as operations
from aios3._backend import BucketAddress, ListPage, Part, Precondition, StoredPart
from aios3._entries import StatResult, WriteResult
from aios3._paths import S3Url
from aios3.errors import ObjectExistsError, TruncatedBodyError, from_response


@dataclass
class Stored:
    data: bytes
    stat: StatResult


@dataclass
class OpenUpload:
    key: str
    options: object
    initiated: float
    parts: dict = field(default_factory=dict)


def rejection(operation, url, code, status):
    return from_response(operation=operation, path=str(url), code=code, status=status)


class FakeBody:
    """A body in small arrivals; ``broken_after`` bytes it breaks with ``error``, or just ends."""

    def __init__(self, server, stat, start, data):
        self.server, self.stat, self.start, self._data = server, stat, start, data
        self.size, self.etag = stat.size, stat.etag
        self.stop = start + len(data)
        self._sent = 0
        self._open = True
        self.broken_after = None
        self.error = None
        self._ended = lambda _received, _failure: None
        server.open_bodies += 1

    @property
    def checksums(self):
        return self.stat.checksums if self.start == 0 and self.stop == self.size else {}

    async def readinto(self, view):
        assert self._open
        assert len(view) > 0
        await asyncio.sleep(0)
        limit = len(self._data) if self.broken_after is None else min(self.broken_after, len(self._data))
        count = min(len(view), limit - self._sent, self.server.arrival)
        if self.server.allowance is not None:
            if self.server.allowance <= 0:
                raise rejection("GetObject", URL, "AccessDenied", 403)
            count = min(count, self.server.allowance)
            self.server.allowance -= count
        if count <= 0 and self.error is not None:
            raise self.error
        view[:count] = self._data[self._sent : self._sent + count]
        self._sent += count
        return count

    async def receive(self, size, get_buffer, buffer_updated):
        while size:
            count = await self.readinto(get_buffer())
            if count == 0:
                return
            buffer_updated(count)
            size -= count

    async def read(self):
        whole = bytearray(len(self._data) - self._sent)
        filled = 0
        while filled < len(whole):
            count = await self.readinto(memoryview(whole)[filled:])
            if count == 0:
                raise TruncatedBodyError("short")
            filled += count
        self.close()  # as a real one, which gives its connection back at its end
        return bytes(whole)

    def on_end(self, ended):
        self._ended = ended

    def close(self):
        if self._open:
            self._open = False
            self.server.open_bodies -= 1
            self._ended(self._sent, None)


CALLS = {
    operations.GetObject: "get_object",
    operations.HeadObject: "head_object",
    operations.PutObject: "put_object",
    operations.CreateMultipartUpload: "create_multipart_upload",
    operations.UploadPart: "upload_part",
    operations.UploadPartCopy: "upload_part_copy",
    operations.CompleteMultipartUpload: "complete_multipart_upload",
    operations.AbortMultipartUpload: "abort_multipart_upload",
    operations.ListObjects: "list_objects",
    operations.DeleteObject: "delete_object",
    operations.DeleteObjects: "delete_objects",
    operations.DeleteVersions: "delete_versions",
    operations.CopyObject: "copy_object",
    operations.ListParts: "list_parts",
    operations.ListMultipartUploads: "list_multipart_uploads",
    operations.GetObjectTagging: "get_tags",
}


class FakeS3:
    """One bucket's worth of S3."""

    def __init__(self):
        self.objects: dict[str, Stored] = {}
        self.uploads: dict[str, OpenUpload] = {}
        self.calls: Counter[str] = Counter()
        self.log: list[tuple] = []
        self.faults = None
        self.break_body = None
        self.ignores_ranges = False
        self.ignores_conditions = False
        self.amazon = False
        self.url = "http://localhost"
        self.tags: dict[str, dict[str, str]] = {}
        self.arrival = 50_000
        self.allowance = None
        """Bytes of bodies that may still be read, before each is rejected; None for no bound."""
        self.open_bodies = 0
        self.sending = 0
        self.most_sending = 0
        self._ids = itertools.count(1)

    def cached_backend(self, bucket):
        return self

    async def admin(self, bucket):
        return self

    def put(self, key, data, **fields):
        etag = hashlib.md5(data).hexdigest()
        self.objects[key] = Stored(data, StatResult(size=len(data), mtime=1.0, etag=etag, **fields))
        return etag

    async def _call(self, operation, url, **details):
        self.calls[operation] += 1
        self.log.append((operation, url.key, details))
        await asyncio.sleep(0)
        lost = self.faults(operation, url, details) if self.faults else None
        await asyncio.sleep(0)
        return lost

    async def _response(self, lost):
        await asyncio.sleep(0)
        if lost is not None:
            raise lost

    def _find(self, operation, url):
        if url.key not in self.objects:
            raise rejection(operation, url, "NoSuchKey", 404)
        return self.objects[url.key]

    def _check(self, operation, url, condition):
        if self.ignores_conditions:
            return
        found = self.objects.get(url.key)
        if condition.if_absent and found is not None:
            raise ObjectExistsError(operation, code="PreconditionFailed", status=412)
        if condition.if_match is not None and (found is None or found.stat.etag != condition.if_match):
            raise rejection(operation, url, "PreconditionFailed", 412)

    @property
    def is_aws(self):
        return self.amazon

    def send(self, operation):
        """Make the call of an operation, for whoever sends values: its fields are the arguments."""
        call = getattr(self, CALLS[type(operation)])
        values = {each.name: getattr(operation, each.name) for each in fields(operation)}
        if isinstance(operation, operations.CopyObject):
            values["target"] = values.pop("url")
        taken = inspect.signature(call).parameters
        if "if_match" not in taken:
            assert values.pop("if_match", None) is None, "this fake knows no conditions"
        return call(**values)

    async def get_object(self, url, *, start, stop, options):
        lost = await self._call("GetObject", url, start=start, stop=stop)
        found = self._find("GetObject", url)
        if options.if_match and options.if_match != found.stat.etag and not self.ignores_conditions:
            raise rejection("GetObject", url, "PreconditionFailed", 412)
        size = len(found.data)
        if (size == 0 if start < 0 else stop is not None and start >= size) and not self.ignores_ranges:
            raise rejection("GetObject", url, "InvalidRange", 416)
        if start < 0:
            start, stop = max(size + start, 0), size
        await self._response(lost)
        first, last = (0, size) if self.ignores_ranges or stop is None else (start, min(stop, size))
        body = FakeBody(self, found.stat, first, found.data[first:last])
        if self.break_body:
            self.break_body(body)
        return body

    async def head_object(self, url, options):
        await self._response(await self._call("HeadObject", url))
        return self._find("HeadObject", url).stat

    async def put_object(self, url, body, *, options, condition, checksum):
        data = b"".join(body)
        lost = await self._call("PutObject", url, size=len(data), checksum=checksum, options=options)
        self._check("PutObject", url, condition)
        etag = self.put(url.key, data, content_type=options.content_type, metadata=options.metadata)
        await self._response(lost)
        return WriteResult(len(data), etag, None, str(checksum) if checksum else None)

    async def create_multipart_upload(self, url, options, algorithm):
        lost = await self._call("CreateMultipartUpload", url, algorithm=algorithm)
        upload_id = f"upload-{next(self._ids)}"
        self.uploads[upload_id] = OpenUpload(url.key, options, 1 + int(upload_id.rpartition("-")[2]) / 100)
        await self._response(lost)
        return upload_id

    def _upload(self, operation, url, upload_id):
        if upload_id not in self.uploads:
            raise rejection(operation, url, "NoSuchUpload", 404)
        return self.uploads[upload_id]

    async def upload_part(self, url, upload_id, number, body, *, options, checksum):
        data = b"".join(body)
        self.sending += 1
        self.most_sending = max(self.most_sending, self.sending)
        try:
            lost = await self._call("UploadPart", url, number=number, size=len(data), checksum=checksum)
            self._upload("UploadPart", url, upload_id).parts[number] = data
            await self._response(lost)
        finally:
            self.sending -= 1
        return Part(number, hashlib.md5(data).hexdigest(), checksum)

    async def locate(self, bucket):
        return BucketAddress(self.url, "us-east-1", None)

    async def get_tags(self, url):
        await self._response(await self._call("GetObjectTagging", url))
        return self.tags.get(url.key, {})

    async def list_parts(self, url, upload_id):
        await self._response(await self._call("ListParts", url))
        parts = self._upload("ListParts", url, upload_id).parts
        return [StoredPart(number, hashlib.md5(parts[number]).hexdigest(), len(parts[number])) for number in parts]

    async def list_multipart_uploads(self, url):
        await self._response(await self._call("ListMultipartUploads", url))
        found = [(key, upload) for key, upload in self.uploads.items() if upload.key.startswith(url.key)]
        return [backend.OpenUpload(upload.key, key, upload.initiated) for key, upload in found]

    async def upload_part_copy(self, url, upload_id, number, source):
        start, stop, if_match = source.start, source.stop, source.if_match
        source = source.url
        lost = await self._call("UploadPartCopy", url, number=number, start=start, stop=stop, source=source.key)
        found = self._find("UploadPartCopy", source)
        if if_match is not None and if_match != found.stat.etag:
            raise rejection("UploadPartCopy", url, "PreconditionFailed", 412)
        data = found.data[start:stop]
        self._upload("UploadPartCopy", url, upload_id).parts[number] = data
        await self._response(lost)
        return Part(number, hashlib.md5(data).hexdigest())

    async def complete_multipart_upload(self, url, upload_id, parts, *, options, condition, checksum):
        lost = await self._call("CompleteMultipartUpload", url, parts=len(parts), checksum=checksum)
        upload = self._upload("CompleteMultipartUpload", url, upload_id)
        self._check("CompleteMultipartUpload", url, condition)
        assert [part.number for part in parts] == sorted(upload.parts)
        data = b"".join(upload.parts[part.number] for part in parts)
        digest = hashlib.md5(b"".join(bytes.fromhex(part.etag) for part in parts)).hexdigest()
        del self.uploads[upload_id]
        self.put(url.key, data, content_type=upload.options.content_type, metadata=upload.options.metadata)
        stored = self.objects[url.key]
        stored.stat = replace(stored.stat, etag=f"{digest}-{len(parts)}")
        await self._response(lost)
        return WriteResult(len(data), stored.stat.etag, None, str(checksum) if checksum else None)

    async def abort_multipart_upload(self, url, upload_id):
        lost = await self._call("AbortMultipartUpload", url)
        self.uploads.pop(upload_id, None)
        await self._response(lost)

    async def list_objects(self, url, *, delimiter="", token=None, start_after="", max_keys=1000):
        await self._response(await self._call("ListObjectsV2", url))
        keys = sorted(k for k in self.objects if k.startswith(url.key) and k > (token or start_after))
        page = keys[:max_keys]
        more = page[-1] if len(keys) > len(page) else None
        return ListPage(page, [self.objects[k].stat for k in page], (), more)

    async def delete_object(self, url, version_id=None, *, if_match=None, requires_condition=False):
        lost = await self._call("DeleteObject", url, if_match=if_match)
        if if_match is not None and not self.ignores_conditions:
            self._find("DeleteObject", url)
            self._check("DeleteObject", url, Precondition(if_match=if_match))
        self.objects.pop(url.key, None)
        await self._response(lost)

    async def copy_object(self, source, target, *, options, terms=None):
        lost = await self._call("CopyObject", target)
        found = self._find("CopyObject", source)
        self.objects[target.key] = Stored(found.data, found.stat)
        await self._response(lost)
        return WriteResult(len(found.data), found.stat.etag)

    async def aclose(self):
        assert self.open_bodies == 0


URL = S3Url("bucket", "key.bin")

MIB = 1024 * 1024
SMALL = {
    "block_size": 64 * 1024,
    "request_size": 256 * 1024,
    "part_size": 5 * MIB,
    "memory_budget": 24 * MIB,
    "max_attempts": 3,
}
