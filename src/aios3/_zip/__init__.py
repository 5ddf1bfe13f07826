"""Zip archives in S3, read in place and written as a stream; a member is whole and right, or an error."""

from aios3._zip.archive import AsyncZipArchive, open_zip
from aios3._zip.limits import ZipLimits
from aios3._zip.members import AsyncZipMember
from aios3._zip.writing import AsyncZipWriter, create_zip

__all__ = ["AsyncZipArchive", "AsyncZipMember", "AsyncZipWriter", "ZipLimits", "create_zip", "open_zip"]
