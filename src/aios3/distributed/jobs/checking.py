"""``Checksum``: read every object of a range, and compare it with what the server says, or with another tree."""

from __future__ import annotations

import hashlib
import re
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from typing_extensions import override

from aios3._backend import GetOptions
from aios3._engine.range_checksums import RangeChecksums, has_awscrt, pick_checksum
from aios3._handles.opening import aopen
from aios3._namespace.link_targets import head
from aios3._paths import S3Url
from aios3._threads import in_thread
from aios3._trees.merging import merge_by_name
from aios3._trees.runner import for_each
from aios3.distributed.jobs.base import Job
from aios3.distributed.jobs.trees import counterpart, entries, noted_as, source_tree, version_of
from aios3.errors import ChecksumMismatchError, ObjectChangedError, ObjectNotFoundError, UnsupportedError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

    from aios3._entries import StatResult
    from aios3._handles.options import ReaderOptions
    from aios3._session import Session
    from aios3._trees.file_trees import S3Tree, TreeEntry
    from aios3.distributed.jobs.base import RangeCounters
    from aios3.distributed.ranges import KeyRange

_MD5 = re.compile(r"[0-9a-f]{32}")
_ENCRYPTION = "x-amz-server-side-encryption"
_UNENCRYPTED_ETAGS = {None, "AES256"}
"""Encryption by the server with which the ETag of an object of one request is the MD5 of its bytes."""


@dataclass(frozen=True)
class Checksum(Job):
    """Read every object of a range and compare its bytes.

    Without ``against``, each is compared with the checksum that the server keeps: CRC64NVME, another one, or an ETag
    that is an MD5. Objects for which the server keeps neither are counted as ``unchecked``. That costs a
    HEAD and the bytes of each object.

    With ``against``, another tree, each is compared with the object of the same name there, by size and by a checksum
    of both objects' bytes. One that is missing or different there is a failure, and one that only the other tree has is
    counted as ``extra``. With ``read=False`` the checksums that both servers keep are compared, which costs two HEADs.
    Objects without checksums of one algorithm over the whole object are read all the same.

    Without ``against``, the versions are read that rows of a manifest name.

    Failures are ChecksumMismatchError, ObjectNotFoundError for what the other tree lacks, and ObjectChangedError for
    an object that is written to meanwhile.
    """

    takes_versions: ClassVar[bool] = True

    against: str | None = None
    read: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.against is not None:
            S3Url.parse(self.against).require_bucket()

    @override
    def targets(self) -> tuple[S3Url, ...]:
        return () if self.against is None else (S3Url.parse(self.against),)

    @override
    def check(self, key_range: KeyRange) -> None:
        if key_range.rows is not None and self.against is not None:
            message = "Checksum(against=) compares intervals of keys, and a manifest's rows are none"
            raise UnsupportedError(message, path=key_range.url)

    @override
    async def work(self, session: Session, key_range: KeyRange, counters: RangeCounters) -> None:
        source = source_tree(session, key_range)
        if self.against is None:
            listed = entries(source, counters.transfer)
            await for_each(listed, partial(_verify, source, counters), session.config.max_concurrency)
            return
        target = counterpart(session, key_range, S3Url.parse(self.against))
        comparison = _Comparison(source, target, counters, reads=self.read)
        await for_each(comparison.pairs(), comparison.compare, session.config.max_concurrency)


async def _verify(tree: S3Tree, counters: RangeCounters, entry: TreeEntry) -> None:
    url = tree.url(entry.name)
    with counters.transfer.collecting(noted_as(tree, entry, counters)):
        if entry.error is not None:
            raise entry.error
        version_id = version_of(entry)
        stat = await head(tree.session, url, GetOptions(version_id))
        expected = _whole_checksum(stat.checksums) or _md5_of_etag(stat)
        if expected is None:
            counters.unchecked += 1
            return
        algorithm, value = expected
        computed = await _checksum_of(tree.session, url, algorithm, stat.etag, version_id)
        counters.transfer.bytes += stat.size
        counters.checked += 1
        if computed != value:
            raise _differs(url, f"its bytes have {algorithm}:{computed}, and the server keeps {value}")


def _whole_checksum(checksums: Mapping[str, str]) -> tuple[str, str] | None:
    """Return the checksum of a whole object; those of multipart uploads may be made of the parts' (``value-4``)."""
    return pick_checksum({name: value for name, value in checksums.items() if "-" not in value})


def _md5_of_etag(stat: StatResult) -> tuple[str, str] | None:
    is_md5 = stat.etag is not None and _MD5.fullmatch(stat.etag) and stat.headers.get(_ENCRYPTION) in _UNENCRYPTED_ETAGS
    return ("MD5", stat.etag or "") if is_md5 else None


async def _checksum_of(
    session: Session, url: S3Url, algorithm: str, etag: str | None, version_id: str | None = None
) -> str | None:
    """Read an object and return its checksum; raise ObjectChangedError if it is not the version ``etag``."""
    options: ReaderOptions = {} if version_id is None else {"version_id": version_id}
    async with aopen(url, session=session, **options) as file:
        if etag is not None and file.stat().etag != etag:
            message = f"{url} was written to while it was being compared"
            raise ObjectChangedError(message, path=str(url))
        if algorithm == "MD5":
            digest = hashlib.md5(usedforsecurity=False)
            async for chunk in file.chunks():
                await in_thread(digest.update, chunk)  # a MiB takes a millisecond and more
            return digest.hexdigest()
        checksums = RangeChecksums(algorithm, file.size)
        checksum_range = checksums.begin_range(0)
        async for chunk in file.chunks():
            checksum_range.add(checksum_range.position, chunk)
    checksums.add(checksum_range)
    return checksums.value()


def _differs(url: S3Url, how: str) -> ChecksumMismatchError:
    return ChecksumMismatchError(f"{url} is not what it should be: {how}", path=str(url), operation="GetObject")


class _Comparison:
    """Two trees, object by object."""

    def __init__(self, source: S3Tree, target: S3Tree, counters: RangeCounters, *, reads: bool) -> None:
        self._source = source
        self._target = target
        self._counters = counters
        self._reads = reads
        self._algorithm = "CRC64NVME" if has_awscrt() else "CRC32"

    async def pairs(self) -> AsyncGenerator[tuple[TreeEntry, TreeEntry | None], None]:
        """Yield the source's objects, each with the target's of the same name; count what only the target has."""
        async with aclosing(merge_by_name(self._source.batches(), self._target.batches())) as batches:
            async for batch in batches:
                for entry, other in batch:
                    if self._counters.transfer.has_too_many_failures:
                        return
                    if entry is None:
                        self._counters.extra += not (other is not None and other.is_marker and not other.size)
                    elif entry.size or not entry.is_marker:
                        yield entry, other

    async def compare(self, pair: tuple[TreeEntry, TreeEntry | None]) -> None:
        entry, other = pair
        url, counterpart_url = self._source.url(entry.name), self._target.url(entry.name)
        with self._counters.transfer.collecting(str(url)):
            if entry.error is not None:
                raise entry.error
            if other is None:
                message = f"{counterpart_url} does not exist; {url} has {entry.size:,} bytes"
                raise ObjectNotFoundError(message, path=str(counterpart_url))
            self._counters.checked += 1
            if entry.size != other.size:
                raise _differs(counterpart_url, f"it has {other.size:,} bytes, and {url} has {entry.size:,}")
            if not self._reads and await self._kept_checksums_agree(url, counterpart_url):
                return
            one = await _checksum_of(self._source.session, url, self._algorithm, entry.etag)
            two = await _checksum_of(self._source.session, counterpart_url, self._algorithm, other.etag)
            self._counters.transfer.bytes += entry.size + other.size
            if one != two:
                raise _differs(counterpart_url, f"its {self._algorithm} is {two}, and that of {url} is {one}")

    async def _kept_checksums_agree(self, url: S3Url, other: S3Url) -> bool:
        """Return whether the servers keep the same checksum of both objects; False where they cannot be compared."""
        one, two = await head(self._source.session, url), await head(self._source.session, other)
        shared = {name: value for name, value in one.checksums.items() if name in two.checksums and "-" not in value}
        for algorithm, value in shared.items():
            if two.checksums[algorithm] == value:
                return True
            if "-" not in two.checksums[algorithm]:
                raise _differs(other, f"the server keeps {algorithm}:{two.checksums[algorithm]}, and {value} of {url}")
        return False
