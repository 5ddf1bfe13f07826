"""The error of zip archives, apart from the others: its builtin is in :mod:`zipfile`, which is slow to import."""

from __future__ import annotations

import zipfile

from aios3.errors import S3Error


class ZipArchiveError(S3Error, zipfile.BadZipFile):
    """Raised when a zip archive is broken or contradicts itself, or is beyond the limits that its reader has set."""


ZipArchiveError.__module__ = S3Error.__module__
