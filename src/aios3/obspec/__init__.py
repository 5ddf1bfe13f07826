"""The asynchronous protocols of obspec over aios3: what async-tiff, VirtualiZarr and others read and write through.

obspec describes methods, and needs no package; nor does this module.
"""

from __future__ import annotations

from aios3.obspec.results import GetResult, ListResult, ObjectMeta, PutResult
from aios3.obspec.store import ObjectStore

__all__ = ["GetResult", "ListResult", "ObjectMeta", "ObjectStore", "PutResult"]
