"""One object to another place in S3, as part of a tree, where a listing has described it already."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aios3._backend import CopyOptions
from aios3._namespace.link_targets import head_or_none
from aios3._namespace.pages import first_page
from aios3._objects.copy_object import CopySettings, check_different, copy_object
from aios3._s3_constants import MAX_PART_SIZE
from aios3._storing.store_object import store_object
from aios3._storing.write_plan import replacing_plan, with_checksum
from aios3._trees.download_file import read_into
from aios3._trees.relisting import version_of

if TYPE_CHECKING:
    from aios3._objects.copy_object import CopyEnd
    from aios3._paths import S3Url

_PLAIN = CopySettings()


async def copy_listed(
    old: CopyEnd, new: CopyEnd, size: int, storage_class: str | None = None, settings: CopySettings = _PLAIN
) -> None:
    """Copy an object of ``size`` bytes in one request inside S3; the listing has already given what a HEAD would.

    Larger ones than one request copies, those of another profile or session, and those with options of their own go
    the way of :func:`aios3.copy`. So does what is to replace nothing: that costs two HEADs more, and raises
    ObjectExistsError. The marker of a directory is copied in any case.

    Raises InvalidPathError for a copy of an object onto itself.
    """
    source, target = old.url, new.url
    if source.key == target.key:
        check_different(old, new)
    has_own_terms = not settings.overwrite or settings.options is not None
    is_one_server = old.session is new.session and source.profile == target.profile
    if has_own_terms and not source.names_directory:
        await copy_object(old, new, settings)
    elif is_one_server and size <= MAX_PART_SIZE:
        backend = await new.session.backend(target)
        await backend.copy_object(source, target, options=None, terms=CopyOptions(storage_class=storage_class))
    elif source.names_directory:  # a marker, which copy() does not take for an object
        await _copy_marker(old, new, size)
    else:
        await copy_object(old, new, settings)


async def _copy_marker(old: CopyEnd, new: CopyEnd, size: int) -> None:
    """Copy the marker of a directory through this process; its body is usually empty."""
    async with new.session.budget.reserve(size):
        data = memoryview(bytearray(size))
        if size:
            await read_into(old.session, old.url, None, 0, data)
        plan = await with_checksum(new.session, replacing_plan(new.session, new.url))
        await store_object(new.session, plan, (data,) if size else ())


def may_overlap(one: S3Url, other: S3Url) -> bool:
    """Return whether two paths may be one place, or one lies below the other; different profiles may be the same."""
    return one.bucket == other.bucket and (one.prefix.startswith(other.prefix) or other.prefix.startswith(one.prefix))


async def see_same_object(old: CopyEnd, new: CopyEnd) -> bool:
    """Return whether both ends see the same object at the path ``old``, under whatever names their servers have."""
    page = await first_page(old.session, old.url)
    if not page.keys:
        return False
    source, target = old.url.with_key(page.keys[0]), new.url.with_key(page.keys[0])
    one, other = await head_or_none(old.session, source), await head_or_none(new.session, target)
    return one is not None and other is not None and version_of(one) == version_of(other)
