"""One object: read, write, copy, remove, link, sign; a verb family a module."""

from aios3._objects.clients import get_endpoint_url, get_s3_client
from aios3._objects.copy_object import copy
from aios3._objects.digests import getmd5
from aios3._objects.make_directories import makedirs
from aios3._objects.presigning import presign, presign_post
from aios3._objects.reading import load_content, load_from, read_bytes, read_text
from aios3._objects.symlinks import islink, readlink, realpath, symlink
from aios3._objects.unlink_object import unlink
from aios3._objects.writing import save_as, touch, write_bytes, write_text

__all__ = [
    "copy",
    "get_endpoint_url",
    "get_s3_client",
    "getmd5",
    "islink",
    "load_content",
    "load_from",
    "makedirs",
    "presign",
    "presign_post",
    "read_bytes",
    "read_text",
    "readlink",
    "realpath",
    "save_as",
    "symlink",
    "touch",
    "unlink",
    "write_bytes",
    "write_text",
]
