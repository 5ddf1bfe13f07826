"""One object out of parts that come from anywhere, several at once: begun, sent, completed, or left as it was."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aios3._backend import ReadOptions
from aios3._engine.parts import part_size
from aios3._engine.tasks import settle
from aios3._entries import WriteResult
from aios3._handles.upload import multipart_etag
from aios3._trees.runner import each, for_each
from aios3.errors import FileChangedError, S3Error, worth_retrying

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

    from aios3._backend import Part
    from aios3._handles.plan import WritePlan
    from aios3._paths import S3Url
    from aios3._session import Session


@dataclass(frozen=True, slots=True)
class PartRange:
    """The bytes ``[start, stop)`` of the object, as part ``number`` (from 1)."""

    number: int
    start: int
    stop: int


def part_ranges(size: int, first_size: int) -> list[PartRange]:
    """Cut ``size`` bytes into parts, the first of ``first_size`` bytes; see :func:`part_size`."""
    found: list[PartRange] = []
    reached = 0
    while reached < size:
        number = len(found) + 1
        stop = min(size, reached + part_size(number, first_size))
        found.append(PartRange(number, reached, stop))
        reached = stop
    return found


@dataclass(frozen=True, slots=True)
class PartJob:
    """How one part comes into being: ``send(upload_id)`` makes it."""

    number: int
    send: Callable[[str], Coroutine[object, object, Part]]


@dataclass(frozen=True, slots=True)
class Begun:
    """An upload that S3 has begun, and the parts of it that are there."""

    upload_id: str
    parts: Sequence[Part] = ()


async def assemble(  # noqa: PLR0913 - what differs between those who build an object of parts
    session: Session,
    plan: WritePlan,
    jobs: Sequence[PartJob],
    size: int,
    *,
    begun: Begun | None = None,
    keep: bool = False,
    check: Callable[[str], Coroutine[object, object, None]] | None = None,
    width: int | None = None,
) -> WriteResult:
    """Send all parts, ``width`` at once, run ``check(upload_id)``, and make one object of ``size`` bytes of them.

    Any failure, and a cancellation, publishes nothing and aborts the upload. With ``keep`` it is left open, with the
    parts that have arrived; unless the file has changed, because then they are worth nothing.
    """
    begun = begun or Begun(await _begin(session, plan))
    parts = {part.number: part for part in begun.parts}

    async def send(job: PartJob) -> None:
        parts[job.number] = await job.send(begun.upload_id)

    try:
        await for_each(each(jobs), send, width or session.config.max_concurrency)
        if check is not None:
            await check(begun.upload_id)
        done = await _complete(session, plan, begun.upload_id, [parts[number] for number in sorted(parts)], size)
    except BaseException as error:
        if not keep or isinstance(error, FileChangedError):
            await abort(session, plan.url, begun.upload_id)
        raise
    finally:
        if keep:
            session.forget_upload(begun.upload_id)
    session.forget_upload(begun.upload_id)
    return done


async def _begin(session: Session, plan: WritePlan) -> str:
    """Begin the upload, in a task of the session: once it is asked for, only the answer says what there is to abort."""

    async def create() -> str:
        backend = await session.backend(plan.url)
        upload_id = await backend.create_multipart_upload(plan.url, plan.options, plan.algorithm)
        session.remember_upload(plan.url, upload_id)
        return upload_id

    creation = session.tasks.start(create(), name=f"aios3 create {plan.url}")
    try:
        await settle([creation])
    except BaseException:
        if not creation.cancelled() and creation.exception() is None:
            await abort(session, plan.url, creation.result())
        raise
    return creation.result()


async def abort(session: Session, url: S3Url, upload_id: str) -> None:
    """Abort an upload, also if the caller is cancelled meanwhile."""
    await settle([session.tasks.start(session.abort_upload(url, upload_id), name=f"aios3 abort {url}")])


async def _complete(session: Session, plan: WritePlan, upload_id: str, parts: Sequence[Part], size: int) -> WriteResult:
    backend = await session.backend(plan.url)
    try:
        done = await backend.complete_multipart_upload(
            plan.url, upload_id, parts, options=plan.options, condition=plan.condition, checksum=None
        )
    except S3Error as error:
        done = await _look_up(session, plan, parts, size, error)
    return WriteResult(size, done.etag, done.version_id, done.checksum)


async def _look_up(session: Session, plan: WritePlan, parts: Sequence[Part], size: int, error: S3Error) -> WriteResult:
    """Find out whether a completion succeeded whose answer was lost; raise ``error`` if it did not."""
    if not worth_retrying(error) and error.code != "NoSuchUpload":
        raise error
    backend = await session.backend(plan.url)
    try:
        found = await backend.head_object(plan.url, ReadOptions())
    except S3Error:
        raise error from None
    if found.size != size or found.etag is None or found.etag != multipart_etag(parts):
        raise error
    return WriteResult(size, found.etag, found.version_id)
