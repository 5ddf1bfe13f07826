"""keg_storage's S3 backend, over :class:`aios3.sync.Storage`: change the import and keep the rest.

Names, arguments and defaults are those of KegStorage 0.5. The guide "Coming from keg_storage" lists every difference.
"""

from aios3.compat.keg_storage.files import S3FileBase, S3Reader, S3Writer
from aios3.compat.keg_storage.storage import S3Storage
from aios3.compat.keg_storage.values import FileMode, FileNotFoundInStorageError, ListEntry, ShareLinkOperation

__all__ = [
    "FileMode",
    "FileNotFoundInStorageError",
    "ListEntry",
    "S3FileBase",
    "S3Reader",
    "S3Storage",
    "S3Writer",
    "ShareLinkOperation",
]
