"""Copy an object: inside S3 where one side may read the other, through this process where not."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from aios3._arguments import check_arguments
from aios3._backend import CopyOptions
from aios3._config import check_bound
from aios3._engine.parts import copy_ranges
from aios3._entries import link_metadata
from aios3._handles.opening import aopen
from aios3._handles.writer import AsyncMultipartWriter
from aios3._namespace.link_targets import head_or_none
from aios3._objects.object_lookup import check_etag, exists_error, head_following_links, head_or_raise
from aios3._objects.symlinks import target_path
from aios3._paths import S3Url
from aios3._responses import unquote_etag
from aios3._s3_constants import MAX_PART_SIZE
from aios3._session import current_session
from aios3._storing.inherit import inherited_by_copy, replaced_by_copy, storage_class_of
from aios3._storing.store_object import copy_server_side
from aios3._storing.upload import Upload
from aios3._storing.write_plan import replacing_plan, with_checksum, with_equal_parts
from aios3.errors import ConfigError, InvalidPathError, ObjectExistsError, UnsupportedError, reworded

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from aios3._backend import PutOptions
    from aios3._entries import StatResult, WriteResult
    from aios3._handles.reader import AsyncPrefetchReader
    from aios3._paths import AnyPath
    from aios3._session import Session
    from aios3._storing.write_plan import WritePlan


@dataclass(frozen=True, slots=True)
class CopySettings:
    """How one object is to be copied."""

    callback: Callable[[int], None] | None = None
    """Called with the number of bytes copied since the previous call."""
    followlinks: bool = False
    overwrite: bool = True
    multipart_threshold: int | None = None
    """The most bytes that are copied in one request; None: as many as S3 allows."""
    options: PutOptions | None = None
    """Attributes of the copy that go before those of the source."""
    if_match: str | None = None
    """The ETag that the object at the target must have, without quotes."""

    def __post_init__(self) -> None:
        if self.if_match is not None and not self.overwrite:
            message = "overwrite=False replaces nothing and if_match replaces one version; give one of them"
            raise ConfigError(message)
        if self.multipart_threshold is not None:
            check_bound("multipart_threshold", self.multipart_threshold)

    @property
    def max_single_copy(self) -> int:
        """The most bytes that are copied in one request."""
        return self.multipart_threshold or MAX_PART_SIZE


@dataclass(frozen=True, slots=True)
class CopyEnd:
    """One end of a copy."""

    session: Session
    url: S3Url

    def shares_server_with(self, other: CopyEnd) -> bool:
        """Return whether requests for both ends go to the same server under the same name, as far as settings say."""
        return self._server_key() == other._server_key()

    def _server_key(self) -> tuple[object, ...]:
        config = self.session.config_for(self.url.profile)
        return config.endpoint_url, config.region, config.profile, config.credentials


async def copy(  # noqa: PLR0913 - megfile's five, and what megfile does not have
    source: AnyPath,
    target: AnyPath,
    callback: Callable[[int], None] | None = None,
    followlinks: bool = False,
    overwrite: bool = True,
    *,
    if_match: str | None = None,
    multipart_threshold: int | None = None,
    target_session: Session | None = None,
    session: Session | None = None,
) -> WriteResult:
    """Copy an object inside S3, with its metadata, tags and storage class, replacing what is at ``target``.

    Objects of up to ``multipart_threshold`` bytes (5 GiB, which is S3's limit; at least 5 MiB) cost a HEAD and one
    CopyObject. Larger ones are copied in parts of at most that size, several at once. Between two profiles, or into a
    ``target_session`` of other settings, the bytes come through here. The ``callback`` is called with the bytes
    copied since its last call. A symbolic link is copied as one, or what it leads to with ``followlinks``. The source
    is one version; if it changes meanwhile, ObjectChangedError is raised.

    With ``overwrite=False`` an object at ``target`` stays, and ObjectExistsError is raised. A HEAD looks for it first,
    and the copy has a precondition. On servers that ignore preconditions, an object written between the two is
    replaced.

    With ``if_match`` only the version at ``target`` with that ETag is replaced. It costs a HEAD and a precondition as
    well. Raises ObjectChangedError for another version, ObjectNotFoundError for none, and UnsupportedError if the
    server rejects the precondition.

    Raises ObjectNotFoundError, PathIsDirectoryError, and InvalidPathError for a copy of an object onto itself.
    """
    check_arguments(callback=callback, followlinks=followlinks, overwrite=overwrite, if_match=if_match)
    settings = CopySettings(callback, followlinks, overwrite, multipart_threshold, if_match=unquote_etag(if_match))
    current = current_session(session)
    other = current if target_session is None else current_session(target_session)
    old, new = S3Url.parse(source).require_object(), S3Url.parse(target).require_object()
    return await copy_object(CopyEnd(current, old), CopyEnd(other, new), settings)


async def copy_object(
    old: CopyEnd, new: CopyEnd, settings: CopySettings, source_stat: StatResult | None = None
) -> WriteResult:
    """Copy one object from one path to another; :func:`copy` says how.

    ``source_stat`` is what a HEAD has just said.
    """
    check_different(old, new)
    if settings.followlinks:
        url, _ = await head_following_links(old.session, old.url, followlinks=True)
        old = CopyEnd(old.session, url)
        check_different(old, new)
    await _check_target(new, settings)
    try:
        return await (
            _copy_server_side(old, new, settings, source_stat)
            if old.shares_server_with(new)
            else _copy_through(old, new, settings)
        )
    except ObjectExistsError as error:
        raise exists_error(new.url) from error
    except UnsupportedError as error:
        if settings.if_match is None:
            raise
        message = f"{error.message}; if the server takes no If-Match with copies, if_match= cannot be honoured there"
        raise reworded(error, message) from error


async def _check_target(new: CopyEnd, settings: CopySettings) -> None:
    """Look at the target of a copy with a condition: most servers ignore some conditions, and do not say so."""
    if settings.overwrite and settings.if_match is None:
        return
    stat = await head_or_none(new.session, new.url)
    if settings.if_match is not None:
        check_etag(new.url, stat, settings.if_match)
    elif stat is not None:
        raise exists_error(new.url)


def _replacing(new: CopyEnd, settings: CopySettings) -> WritePlan:
    return replacing_plan(new.session, new.url, if_absent=not settings.overwrite, if_match=settings.if_match)


def check_different(old: CopyEnd, new: CopyEnd) -> None:
    """Raise InvalidPathError if both ends are one object, as far as settings say."""
    if replace(old.url, profile=None) == replace(new.url, profile=None) and old.shares_server_with(new):
        message = f"{old.url} cannot be copied onto itself"
        raise InvalidPathError(message, path=str(old.url))


async def _copy_server_side(
    old: CopyEnd, new: CopyEnd, settings: CopySettings, source_stat: StatResult | None
) -> WriteResult:
    source_stat = source_stat or await head_or_raise(old.session, old.url)
    copy_all = _copy_parts if source_stat.size > settings.max_single_copy else _copy_in_one_request
    return await copy_all(old, new, source_stat, settings)


async def _copy_in_one_request(
    old: CopyEnd, new: CopyEnd, source_stat: StatResult, settings: CopySettings
) -> WriteResult:
    write = _replacing(new, settings)
    if settings.options is not None:
        options = replaced_by_copy(old.url, source_stat, settings.options)
        write = replace(write, options=_keep_link(options, old.url, source_stat))
    copy_options = CopyOptions(source_stat.etag, write.options.storage_class or storage_class_of(source_stat))
    result = await copy_server_side(new.session, old.url, write, source_stat, copy_options)
    if settings.callback is not None:
        settings.callback(source_stat.size)
    return result


async def _copy_parts(old: CopyEnd, new: CopyEnd, source_stat: StatResult, settings: CopySettings) -> WriteResult:
    copies = copy_ranges(source_stat.size, settings.multipart_threshold)
    write = await _write_plan(old, new, source_stat, settings)
    write = replace(
        write, copy_source=source_stat, copy_source_url=old.url, copies=copies, on_part_copied=settings.callback
    )
    upload = Upload(new.session, write)
    try:
        return await upload.complete(source_stat.size)
    except BaseException:
        await upload.abort()
        raise


async def _copy_through(old: CopyEnd, new: CopyEnd, settings: CopySettings) -> WriteResult:
    async with aopen(old.url, session=old.session) as reader:
        write = with_equal_parts(await _write_plan(old, new, reader.stat(), settings), reader.size)
        async with AsyncMultipartWriter(new.session, write) as writer:
            await writer.write_from(_with_progress(reader, settings.callback))
    return writer.result


async def _with_progress(
    reader: AsyncPrefetchReader, callback: Callable[[int], None] | None
) -> AsyncGenerator[memoryview, None]:
    async for chunk in reader.chunks():
        yield chunk
        if callback is not None:
            callback(len(chunk))


async def _write_plan(old: CopyEnd, new: CopyEnd, source_stat: StatResult, settings: CopySettings) -> WritePlan:
    options = await inherited_by_copy(old.session, old.url, source_stat, settings.options)
    write = _replacing(new, settings)
    return await with_checksum(new.session, replace(write, options=_keep_link(options, old.url, source_stat)))


def _keep_link(options: PutOptions, source: S3Url, source_stat: StatResult) -> PutOptions:
    """Have the copy of a symbolic link lead where the link does, whatever other metadata it is given."""
    if not source_stat.islnk:
        return options
    return replace(options, metadata={**options.metadata, **link_metadata(target_path(source, source_stat))})
