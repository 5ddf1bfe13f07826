"""The plan of a write, decided before anything is sent: where, how, under which precondition, and after which bytes."""

from __future__ import annotations

import mimetypes
import threading
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from aios3._backend import Precondition, PutOptions
from aios3._config import MIB
from aios3._engine.checksums import choose_algorithm
from aios3._engine.parts import equal_part_size
from aios3._threads import in_thread

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from aios3._calls import ObjectBackend
    from aios3._engine.checksums import Algorithm
    from aios3._entries import StatResult, WriteResult
    from aios3._paths import S3Url
    from aios3._session import Session

_PACKED_TYPES = {
    "gzip": "application/gzip",
    "bzip2": "application/x-bzip2",
    "xz": "application/x-xz",
    "compress": "application/x-compress",
    "br": "application/x-brotli",
}

_TABLES_READ = threading.Event()
"""Set once mimetypes has read the system's tables from disk; its own ``inited`` is set before it has."""


@dataclass(frozen=True, slots=True)
class WritePlan:
    """One write, decided."""

    url: S3Url
    mode: str
    options: PutOptions
    condition: Precondition
    part_size: int = 8 * MIB
    """Bytes of the first part."""
    algorithm: Algorithm | None = None
    """The checksum to send."""
    existing_bytes: bytes = b""
    """Bytes of the old object that are sent again before what is written: those that are not copied as parts."""
    copy_source: StatResult | None = None
    """The object whose bytes are copied inside S3 as the first parts."""
    copy_source_url: S3Url | None = None
    """Where that object is; None: where the new one will be."""
    copies: Sequence[tuple[int, int]] = ()
    """The ranges of ``copy_source`` that become the first parts, from byte 0 on."""
    on_part_copied: Callable[[int], None] | None = None
    """Called with the bytes of every part that has been copied."""
    unchanged_result: WriteResult | None = None
    """The result if nothing is written, where that means that nothing happens."""
    equal_parts: bool = False
    """True if all parts have ``part_size``, however many there are."""
    expects_unchanged: bool = False
    """True if the library added the precondition, not the caller: what is written depends on the object read before."""
    check_with_head: bool = False
    """True if a HEAD just before the write replaces the precondition, for servers that know none."""
    head_first: bool = False
    """True if a HEAD just before one request compares as well, for servers that may ignore the precondition.

    A write in parts has that in any case.
    """

    @property
    def copied_size(self) -> int:
        """Bytes of ``copy_source`` that become parts."""
        return self.copies[-1][1] if self.copies else 0

    @property
    def existing_size(self) -> int:
        """Bytes that are there before the first write."""
        return self.copied_size + len(self.existing_bytes)


def replacing_plan(session: Session, url: S3Url, *, if_absent: bool = False, if_match: str | None = None) -> WritePlan:
    """Return the plan of a write that replaces what is there, or creates: for a verb that has looked already."""
    condition = Precondition(if_match, if_absent)
    return WritePlan(url, "wb", PutOptions(), condition, session.config.part_size, check_with_head=if_absent)


def with_equal_parts(plan: WritePlan, total: int) -> WritePlan:
    """Return ``plan`` for an object of ``total`` bytes, whose parts all get one size."""
    size = equal_part_size(total, plan.part_size)
    return plan if size == plan.part_size else replace(plan, part_size=size)


async def with_checksum(session: Session, plan: WritePlan) -> WritePlan:
    """Choose the checksum that this session sends to this server."""
    backend = session.cached_backend(plan.url) or await session.backend(plan.url)
    algorithm = choose_algorithm(session.checksums_at(plan.url).mode, is_aws=backend.is_aws)
    return plan if plan.algorithm == algorithm else replace(plan, algorithm=algorithm)


def resolve_at_once(session: Session, plan: WritePlan, backend: ObjectBackend | None = None) -> WritePlan | None:
    """Return what :func:`resolve_plan` returns if nothing has to be awaited for it, else None."""
    backend = backend or session.cached_backend(plan.url)
    if backend is None:
        return None
    algorithm = choose_algorithm(session.checksums_at(plan.url).mode, is_aws=backend.is_aws)
    options = plan.options
    if options.content_type is None and "." in plan.url.name:
        if not _TABLES_READ.is_set():
            return None
        options = replace(options, content_type=guess_type(plan.url.name))
    if plan.algorithm == algorithm and plan.options is options:
        return plan
    return replace(plan, algorithm=algorithm, options=options)


async def resolve_plan(session: Session, plan: WritePlan) -> WritePlan:
    """Choose the checksum, and guess the content type from the key unless the plan has one."""
    backend = session.cached_backend(plan.url) or await session.backend(plan.url)
    resolved = resolve_at_once(session, plan, backend)
    if resolved is None:
        await read_types()
        resolved = resolve_at_once(session, plan, backend)
        assert resolved is not None
    return resolved


async def read_types() -> None:
    """Read the system's tables of content types, which are files."""
    await in_thread(mimetypes.guess_type, "")
    _TABLES_READ.set()


def guess_type(name: str) -> str | None:
    """Return the content type that the end of a name stands for; :func:`read_types` comes first."""
    if "." not in name:
        return None
    kind, packing = mimetypes.guess_type(name)
    return _PACKED_TYPES.get(packing) if packing else kind
