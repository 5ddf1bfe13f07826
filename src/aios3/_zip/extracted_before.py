"""Find members of an archive that are there already, so that an extraction that ended early can go on."""

from __future__ import annotations

import os
import stat as stat_bits
import zlib
from typing import TYPE_CHECKING

from aios3._handles.follow_links import head_or_none
from aios3._threads import in_thread

if TYPE_CHECKING:
    from zipfile import ZipInfo

    from aios3._paths import S3Url
    from aios3._zip.member_bytes import ArchiveSource

_CHUNK_BYTES = 1 << 20


async def is_extracted(info: ZipInfo, target: str | S3Url, archive_source: ArchiveSource) -> bool:
    """Return whether ``target`` is a copy of the member ``info``.

    A local file is one if its size and CRC-32 are the member's. An object is one if it has that size and is as new as
    the archive. To compare more, its bytes would have to be read.
    """
    if isinstance(target, str):
        return await in_thread(_has_content, target, info)
    stat = await head_or_none(archive_source.session, target)
    return stat is not None and stat.size == info.file_size and stat.mtime >= archive_source.source.stat.mtime


def _has_content(target: str, info: ZipInfo) -> bool:
    try:
        status = os.lstat(target)
        if not stat_bits.S_ISREG(status.st_mode) or status.st_size != info.file_size:
            return False
        crc = 0
        with open(target, "rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                crc = zlib.crc32(chunk, crc)
    except OSError:  # it is extracted again, which says what is wrong with the path
        return False
    return crc == info.CRC
