"""S3 in memory with versions and documents of a bucket, and what it rejects."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aios3._backend import DeleteFailure, ObjectVersion
from handles.fake_s3 import rejection
from trees.tree_s3 import TreeS3

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

URL = "s3://bucket"


class BucketS3(TreeS3):
    """``versions`` are those of the bucket; ``rejected_version`` is asked for the error code of each that is to go.

    ``documents`` are the responses to Get operations; what is put there is in ``put``.
    """

    def __init__(self) -> None:
        super().__init__()
        self.versions: list[ObjectVersion] = []
        self.rejected_version: Callable[[ObjectVersion], str | None] = lambda version: None
        self.page_size = 1000
        self.loses_its_place = False
        self.documents: dict[str, dict] = {}
        self.responses: dict[str, dict] = {}
        self.asked: list[tuple[str, dict]] = []

    def put_versions(self, *names: str) -> None:
        """Keep ``key@version`` each, or ``key@version!`` for a delete marker."""
        for name in names:
            key, _, version = name.partition("@")
            is_marker = version.endswith("!")
            self.versions.append(ObjectVersion(key, version.rstrip("!"), 1.0, 1, is_delete_marker=is_marker))

    def left(self) -> set[str]:
        return {f"{each.key}@{each.version_id}" for each in self.versions}

    async def delete_versions(self, url, versions):
        await self._response(await self._call("DeleteObjects", url, versions=len(versions)))
        if not self.knows_bulk:
            raise rejection("DeleteObjects", url, "NotImplemented", 501)
        codes = {(each.key, each.version_id): self.rejected_version(each) for each in versions}
        self.versions = [each for each in self.versions if codes.get(name_of(each), "not asked") is not None]
        return [DeleteFailure(key, code, "no", version) for (key, version), code in codes.items() if code]

    async def delete_object(self, url, version_id=None, *, if_match=None, requires_condition=False):
        await self._response(await self._call("DeleteObject", url))
        self.versions = [each for each in self.versions if (each.key, each.version_id) != (url.key, version_id)]

    async def head_bucket(self, url):
        await self._response(await self._call("HeadBucket", url))

    async def call_operation(self, operation, url, parameters):
        await self._response(await self._call(operation, url))
        self.asked.append((operation, parameters))
        if operation in self.responses:
            return self.responses[operation]
        if operation == "ListObjectVersions":
            return self._page(parameters)
        if operation.startswith("Get"):
            if operation not in self.documents:
                raise rejection(operation, url, ABSENT[operation], 404)
            return self.documents[operation]
        return {}

    def _page(self, parameters):
        marker = parameters.get("KeyMarker", ""), parameters.get("VersionIdMarker", "")
        found = [each for each in self.versions if each.key.startswith(parameters["Prefix"]) and name_of(each) > marker]
        if self.loses_its_place and "KeyMarker" in parameters and marker not in map(name_of, self.versions):
            found = []
        page, more = sorted(found, key=name_of)[: self.page_size], len(found) > self.page_size
        following = dict(zip(("NextKeyMarker", "NextVersionIdMarker"), name_of(page[-1]), strict=True)) if more else {}
        return {
            "Versions": [listed(each) for each in page if not each.is_delete_marker],
            "DeleteMarkers": [listed(each) for each in page if each.is_delete_marker],
            "IsTruncated": more,
            **following,
        }


ABSENT = {
    "GetBucketCors": "NoSuchCORSConfiguration",
    "GetBucketLifecycleConfiguration": "NoSuchLifecycleConfiguration",
    "GetBucketPolicy": "NoSuchBucketPolicy",
    "GetBucketTagging": "NoSuchTagSet",
    "GetPublicAccessBlock": "NoSuchPublicAccessBlockConfiguration",
}


def name_of(version: ObjectVersion) -> tuple[str, str]:
    return version.key, version.version_id


def listed(version: ObjectVersion, modified: datetime | None = None) -> dict:
    return {"Key": version.key, "VersionId": version.version_id, "Size": version.size, "LastModified": modified}
