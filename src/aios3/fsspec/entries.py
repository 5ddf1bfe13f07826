"""Objects and directories as the dictionaries that s3fs returns."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from aios3._backend import BucketEntry, ObjectVersion
    from aios3._entries import StatResult, WriteResult

Info = dict[str, Any]
"""One entry: ``name``, ``size``, ``type``, and more by S3's names."""
Meaning = Info | None
"""The meaning of a path: its entry, or None where no request has looked."""


def is_directory_only(meaning: Meaning) -> bool:
    """Return True for a path that is known to be a directory, without an object of its name."""
    return meaning is not None and meaning["type"] == "directory"


def by_name(infos: Iterable[Info], *, directories_first: bool = False) -> dict[str, Info]:
    """Return entries by name and sorted by it; of an object and a directory of one name, the object stays."""
    last = "directory" if directories_first else "file"
    return {info["name"]: info for info in sorted(infos, key=lambda info: (str(info["name"]), info["type"] == last))}


def by_precedence(meanings: Iterable[tuple[str, Meaning]]) -> dict[str, Meaning]:
    """Return what each name means, sorted: an object rather than a path not looked at, a directory only at last."""
    return dict(sorted(meanings, key=lambda named: (named[0], not is_directory_only(named[1]), named[1] is not None)))


def file_info(name: str, stat: StatResult) -> Info:
    """Describe an object; ``mtime`` is in seconds since the epoch, as pyarrow reads it."""
    info: Info = {
        "Key": name,
        "name": name,
        "type": "file",
        "size": stat.size,
        "Size": stat.size,
        "ETag": f'"{stat.etag}"' if stat.etag else "",
        "LastModified": datetime.fromtimestamp(stat.mtime, UTC),
        "StorageClass": stat.storage_class or "STANDARD",
        "mtime": stat.mtime,
    }
    if stat.version_id is not None:
        info["VersionId"] = stat.version_id
    return info


def head_info(name: str, stat: StatResult) -> Info:
    """Describe an object as a HEAD does, which knows more of it than a listing."""
    return {"VersionId": None, **file_info(name, stat), "ContentType": stat.content_type}


def directory_info(name: str) -> Info:
    """Describe a directory."""
    return {"Key": name, "name": name, "type": "directory", "size": 0, "Size": 0, "StorageClass": "DIRECTORY"}


def bucket_info(entry: BucketEntry) -> Info:
    """Describe a bucket of the list of buckets."""
    created = datetime.fromtimestamp(entry.created, UTC)
    return {**directory_info(entry.name), "StorageClass": "BUCKET", "CreationDate": created}


def write_info(result: WriteResult) -> Info:
    """Describe what a write has stored, by the names of S3's response."""
    return {"ETag": f'"{result.etag}"' if result.etag else "", "VersionId": result.version_id}


def version_info(bucket: str, version: ObjectVersion) -> Info:
    """Describe one version of an object."""
    name = f"{bucket}/{version.key}"
    has_id = version.version_id not in {"", "null"}
    return {
        "Key": name,
        "name": f"{name}?versionId={version.version_id}" if has_id else name,
        "type": "file",
        "size": version.size,
        "Size": version.size,
        "ETag": f'"{version.etag}"' if version.etag else "",
        "LastModified": datetime.fromtimestamp(version.mtime, UTC),
        "StorageClass": version.storage_class or "STANDARD",
        "VersionId": version.version_id,
        "IsLatest": version.is_latest,
        "mtime": version.mtime,
    }
