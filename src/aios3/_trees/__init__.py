"""Many objects: remove, move, join, upload, download and sync them; every failure is known by its path."""

from aios3._trees.concatenation import concat
from aios3._trees.moving import move, rename
from aios3._trees.progress_reporter import Progress, TransferState
from aios3._trees.removing import remove
from aios3._trees.syncing import sync_tree
from aios3._trees.transfer_counters import TransferAction, TransferResult
from aios3._trees.upload_cleanup import abort_uploads
from aios3._trees.uploading import LocalPath, download, upload

__all__ = [
    "LocalPath",
    "Progress",
    "TransferAction",
    "TransferResult",
    "TransferState",
    "abort_uploads",
    "concat",
    "download",
    "move",
    "remove",
    "rename",
    "sync_tree",
    "upload",
]
