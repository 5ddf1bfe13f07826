"""Requests about many keys: DeleteObjects with its Content-MD5, and answers that come in pages."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING, Any

from aios3._answers import decoded, failed_deletes, failed_versions, nonsense
from aios3._backend import BucketEntry, DeleteFailure, OpenUpload, StoredPart
from aios3._boto.answers import bare_etag

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from aios3._backend import ObjectVersion
    from aios3._boto.answers import Answer


def failures_of(answer: Answer, keys: Sequence[str], path: str) -> list[DeleteFailure]:
    """Return which of ``keys`` DeleteObjects has not deleted."""
    return failed_deletes(_failures(answer), {each.get("Key") for each in answer.get("Deleted", ())}, keys, path)


def failed_versions_of(answer: Answer, versions: Sequence[ObjectVersion], path: str) -> list[DeleteFailure]:
    """Return the same of DeleteObjects with versions."""
    deleted = {
        (each.get("Key", ""), each.get("VersionId") or each.get("DeleteMarkerVersionId"))
        for each in answer.get("Deleted", ())
    }
    return failed_versions(_failures(answer), deleted, versions, path)


def _failures(answer: Answer) -> list[DeleteFailure]:
    return [
        DeleteFailure(each.get("Key", ""), each.get("Code", ""), each.get("Message", ""), each.get("VersionId"))
        for each in answer.get("Errors", ())
    ]


WITH_CONTENT_MD5 = (
    "DeleteObjects",
    "PutBucketCors",
    "PutBucketLifecycleConfiguration",
    "PutBucketPolicy",
    "PutBucketTagging",
    "PutBucketVersioning",
    "PutPublicAccessBlock",
)
"""Operations with a document that S3 wants a checksum of."""


def with_content_md5(params: dict[str, Any], **_kwargs: object) -> None:
    """Send the body's MD5 in the place of newer checksums: every server takes it, and older ones insist on it."""
    body: bytes = params["body"]
    digest = hashlib.md5(body, usedforsecurity=False).digest()
    params["headers"]["Content-MD5"] = base64.b64encode(digest).decode("ascii")
    params.get("context", {}).get("checksum", {}).pop("request_algorithm", None)


# botocore makes an empty dict of whatever is none of the operation's documents: nothing at all, or a page in HTML. Each
# of these therefore wants a field that the document has at least.


def upload_id_of(answer: Answer, path: str) -> str:
    """Return the id that CreateMultipartUpload has given. Raises ServerError if there is none."""
    upload_id: str | None = answer.get("UploadId")
    if not upload_id:
        raise nonsense(path, "no upload id", "CreateMultipartUpload")
    return upload_id


def parts_of(answer: Answer, path: str) -> list[StoredPart]:
    """Describe the entries of one page of ListParts. Raises ServerError for what is no such page."""
    _check_document(answer, {"Bucket", "Key", "UploadId", "IsTruncated", "Parts"}, "ListParts", path)
    return [_part_of(each, path) for each in answer.get("Parts", ())]


def _part_of(listed: Answer, path: str) -> StoredPart:
    etag, number = bare_etag(listed), listed.get("PartNumber")
    if etag is None or number is None:
        raise nonsense(path, f"no ETag for part {number}", "ListParts")
    return StoredPart(number, etag, listed.get("Size", 0))


def uploads_of(answer: Answer, path: str) -> list[OpenUpload]:
    """Describe the entries of one page of ListMultipartUploads. Raises ServerError for what is no such page."""
    _check_document(answer, {"Bucket", "IsTruncated", "MaxUploads", "Uploads"}, "ListMultipartUploads", path)
    decode = _decoder(answer)
    return [_upload_of(each, decode, path) for each in answer.get("Uploads", ())]


def _upload_of(listed: Answer, decode: Callable[[str], str], path: str) -> OpenUpload:
    _check_fields(listed, ("Key", "UploadId", "Initiated"), "ListMultipartUploads", path)
    return OpenUpload(decode(listed["Key"]), listed["UploadId"], listed["Initiated"].timestamp())


def buckets_of(answer: Answer, path: str) -> list[BucketEntry]:
    """Describe the entries of one page of ListBuckets. Raises ServerError for what is no such page."""
    _check_document(answer, {"Buckets", "Owner"}, "ListBuckets", path)
    return [_bucket_of(each, path) for each in answer.get("Buckets", ())]


def _bucket_of(listed: Answer, path: str) -> BucketEntry:
    _check_fields(listed, ("Name", "CreationDate"), "ListBuckets", path)
    return BucketEntry(listed["Name"], listed["CreationDate"].timestamp())


def tags_of(answer: Answer, path: str) -> dict[str, str]:
    """Return the tags that GetObjectTagging tells. Raises ServerError for what is no set of tags."""
    _check_document(answer, {"TagSet"}, "GetObjectTagging", path)
    for tag in answer["TagSet"]:
        _check_fields(tag, ("Key", "Value"), "GetObjectTagging", path)
    return {tag["Key"]: tag["Value"] for tag in answer["TagSet"]}


def _check_document(answer: Answer, fields: set[str], operation: str, path: str) -> None:
    if not fields & answer.keys():
        raise nonsense(path, f"it has none of {', '.join(sorted(fields))}", operation)


def _check_fields(listed: Answer, fields: Sequence[str], operation: str, path: str) -> None:
    for field in fields:
        if listed.get(field) is None:
            raise nonsense(path, f"an entry has no {field}", operation)


def next_uploads(answer: Answer) -> dict[str, str]:
    """Return how a list of uploads continues, as parameters; nothing where it has ended."""
    if not answer.get("IsTruncated"):
        return {}
    key, upload_id = _decoder(answer)(answer.get("NextKeyMarker", "")), answer.get("NextUploadIdMarker", "")
    return {"KeyMarker": key, "UploadIdMarker": upload_id}


def _decoder(answer: Answer) -> Callable[[str], str]:
    return decoded if answer.get("EncodingType") == "url" else str
