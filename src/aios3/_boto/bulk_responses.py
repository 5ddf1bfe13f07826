"""Requests about many keys: DeleteObjects with its Content-MD5, and responses that come in pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aios3._backend import BucketEntry, DeleteFailure, OpenUpload, StoredPart
from aios3._boto.boto_responses import unquoted_etag
from aios3._md5 import md5_base64
from aios3._responses import failed_deletes, failed_versions, invalid_response, key_decoder

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from aios3._backend import ObjectVersion
    from aios3._boto.boto_responses import BotoResponse


def failures_of(response: BotoResponse, keys: Sequence[str], path: str) -> list[DeleteFailure]:
    """Return which of ``keys`` DeleteObjects has not deleted."""
    return failed_deletes(_failures(response), {each.get("Key") for each in response.get("Deleted", ())}, keys, path)


def failed_versions_of(response: BotoResponse, versions: Sequence[ObjectVersion], path: str) -> list[DeleteFailure]:
    """Return the same of DeleteObjects with versions."""
    deleted = {
        (each.get("Key", ""), each.get("VersionId") or each.get("DeleteMarkerVersionId"))
        for each in response.get("Deleted", ())
    }
    return failed_versions(_failures(response), deleted, versions, path)


def _failures(response: BotoResponse) -> list[DeleteFailure]:
    return [
        DeleteFailure(each.get("Key", ""), each.get("Code", ""), each.get("Message", ""), each.get("VersionId"))
        for each in response.get("Errors", ())
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
    params["headers"]["Content-MD5"] = md5_base64(body)
    params.get("context", {}).get("checksum", {}).pop("request_algorithm", None)


# botocore makes an empty dict of whatever is none of the operation's documents: nothing at all, or a page in HTML. Each
# of these therefore wants a field that the document has at least.


def upload_id_of(response: BotoResponse, path: str) -> str:
    """Return the id that CreateMultipartUpload has given. Raises ServerError if there is none."""
    upload_id: str | None = response.get("UploadId")
    if not upload_id:
        raise invalid_response(path, "no upload id", "CreateMultipartUpload")
    return upload_id


def parts_of(response: BotoResponse, path: str) -> list[StoredPart]:
    """Describe the entries of one page of ListParts. Raises ServerError for any other document."""
    _check_document(response, {"Bucket", "Key", "UploadId", "IsTruncated", "Parts"}, "ListParts", path)
    return [_part_of(each, path) for each in response.get("Parts", ())]


def _part_of(entry: BotoResponse, path: str) -> StoredPart:
    etag, number = unquoted_etag(entry), entry.get("PartNumber")
    if etag is None or number is None:
        raise invalid_response(path, f"no ETag for part {number}", "ListParts")
    return StoredPart(number, etag, entry.get("Size", 0))


def uploads_of(response: BotoResponse, path: str) -> list[OpenUpload]:
    """Describe the entries of one page of ListMultipartUploads. Raises ServerError for any other document."""
    _check_document(response, {"Bucket", "IsTruncated", "MaxUploads", "Uploads"}, "ListMultipartUploads", path)
    decode = key_decoder(response.get("EncodingType"))
    return [_upload_of(each, decode, path) for each in response.get("Uploads", ())]


def _upload_of(listed: BotoResponse, decode: Callable[[str], str], path: str) -> OpenUpload:
    _check_fields(listed, ("Key", "UploadId", "Initiated"), "ListMultipartUploads", path)
    return OpenUpload(decode(listed["Key"]), listed["UploadId"], listed["Initiated"].timestamp())


def buckets_of(response: BotoResponse, path: str) -> list[BucketEntry]:
    """Describe the entries of one page of ListBuckets. Raises ServerError for any other document."""
    _check_document(response, {"Buckets", "Owner"}, "ListBuckets", path)
    return [_bucket_of(each, path) for each in response.get("Buckets", ())]


def _bucket_of(listed: BotoResponse, path: str) -> BucketEntry:
    _check_fields(listed, ("Name", "CreationDate"), "ListBuckets", path)
    return BucketEntry(listed["Name"], listed["CreationDate"].timestamp())


def tags_of(response: BotoResponse, path: str) -> dict[str, str]:
    """Return the tags in a response to GetObjectTagging. Raises ServerError for any other document."""
    _check_document(response, {"TagSet"}, "GetObjectTagging", path)
    for tag in response["TagSet"]:
        _check_fields(tag, ("Key", "Value"), "GetObjectTagging", path)
    return {tag["Key"]: tag["Value"] for tag in response["TagSet"]}


def _check_document(response: BotoResponse, fields: set[str], operation: str, path: str) -> None:
    if not fields & response.keys():
        raise invalid_response(path, f"it has none of {', '.join(sorted(fields))}", operation)


def _check_fields(listed: BotoResponse, fields: Sequence[str], operation: str, path: str) -> None:
    for field in fields:
        if listed.get(field) is None:
            raise invalid_response(path, f"an entry has no {field}", operation)


def next_uploads(response: BotoResponse) -> dict[str, str]:
    """Return how a list of uploads continues, as parameters; nothing where it has ended."""
    if not response.get("IsTruncated"):
        return {}
    decode = key_decoder(response.get("EncodingType"))
    marker, upload_id = response.get("NextKeyMarker", ""), response.get("NextUploadIdMarker", "")
    return {"KeyMarker": decode(marker), "UploadIdMarker": upload_id}
