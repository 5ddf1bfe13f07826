"""Requests about many keys: DeleteObjects with its Content-MD5, and answers that come in pages."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING, Any

from aios3._answers import decoded, failed_deletes, failed_versions, nonsense
from aios3._backend import DeleteFailure, OpenUpload, StoredPart
from aios3._boto.answers import bare_etag

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from aios3._backend import ObjectVersion
    from aios3._boto.answers import Answer


def failures_of(answer: Answer, keys: Iterable[str], path: str) -> list[DeleteFailure]:
    """Return what DeleteObjects in quiet mode answered: the keys that failed, and nothing about the others."""
    return failed_deletes(_failures(answer), keys, path)


def failed_versions_of(answer: Answer, versions: Sequence[ObjectVersion], path: str) -> list[DeleteFailure]:
    """Return the same of DeleteObjects with versions."""
    return failed_versions(_failures(answer), versions, path)


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


def part_of(listed: Answer, path: str) -> StoredPart:
    """Describe one entry of ListParts."""
    etag = bare_etag(listed)
    if etag is None:
        raise nonsense(path, f"no ETag for part {listed.get('PartNumber')}", "ListParts")
    return StoredPart(listed["PartNumber"], etag, listed.get("Size", 0))


def uploads_of(answer: Answer) -> list[OpenUpload]:
    """Describe the entries of one page of ListMultipartUploads."""
    decode = _decoder(answer)
    return [
        OpenUpload(decode(each["Key"]), each["UploadId"], each["Initiated"].timestamp())
        for each in answer.get("Uploads", ())
    ]


def next_uploads(answer: Answer) -> dict[str, str]:
    """Return how a list of uploads continues, as parameters; nothing where it has ended."""
    if not answer.get("IsTruncated"):
        return {}
    key, upload_id = _decoder(answer)(answer.get("NextKeyMarker", "")), answer.get("NextUploadIdMarker", "")
    return {"KeyMarker": key, "UploadIdMarker": upload_id}


def _decoder(answer: Answer) -> Callable[[str], str]:
    return decoded if answer.get("EncodingType") == "url" else str
