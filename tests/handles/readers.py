"""Every file that reads, opened by one function; those of zip archives among them."""

from __future__ import annotations

import io
import os
import zipfile
from typing import TYPE_CHECKING

from fake_s3 import URL

import aios3

if TYPE_CHECKING:
    from fake_s3 import FakeS3

ZIPPED = ("stored.zip", "deflated.zip")
READERS = ("prefetch", "shared", "pipe", "memory", "disk", *ZIPPED)


class Opened:
    """A file, and the archive that it is in."""

    def __init__(self, file, archive=None):
        self.file = file
        self.archive = archive

    @property
    def position(self):
        return self.file.tell()

    async def aclose(self):
        await self.file.aclose()
        if self.archive is not None:
            await self.archive.__aexit__(None, None, None)


def put(s3: FakeS3, data: bytes) -> None:
    """Put the object that all of them read, and the archives."""
    s3.put(URL.key, data)
    for name, method in zip(ZIPPED, (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED), strict=True):
        made = io.BytesIO()
        with zipfile.ZipFile(made, "w", method) as archive:
            archive.writestr("member", data)
            archive.writestr("other", os.urandom(300_000))  # so that the member is not loaded with the directory
        s3.put(name, made.getvalue())


async def open_to_read(kind: str, session: aios3.Session) -> Opened:
    """Open what all tests read in the way ``kind``."""
    if kind in ZIPPED:
        context = aios3.open_zip(f"s3://bucket/{kind}", session=session)
        archive = await context.__aenter__()
        return Opened(await archive.open("member"), context)
    return Opened(await aios3.aopen(URL, buffering=kind, session=session))
