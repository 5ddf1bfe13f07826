"""Files below a prefix of a bucket, with verbs of their own: by name in a storage, as a tree in a volume."""

from aios3._storage.files import AsyncStorageReader, AsyncStorageWriter
from aios3._storage.list_entries import ListEntry
from aios3._storage.storage import Storage
from aios3._storage.volume import Volume
from aios3._storage.volume_files import VolumeFile

__all__ = ["AsyncStorageReader", "AsyncStorageWriter", "ListEntry", "Storage", "Volume", "VolumeFile"]
