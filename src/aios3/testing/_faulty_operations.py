"""S3's name of a request: the operation, the bucket and the key, from the method, the target and the headers.

Only for buckets in the path, which is what clients do with an address of numbers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import parse_qsl, unquote

if TYPE_CHECKING:
    from collections.abc import Mapping

_SUBRESOURCES = {
    "acl": "Acl",
    "attributes": "Attributes",
    "cors": "Cors",
    "encryption": "Encryption",
    "legal-hold": "LegalHold",
    "lifecycle": "LifecycleConfiguration",
    "location": "Location",
    "notification": "NotificationConfiguration",
    "object-lock": "LockConfiguration",
    "policy": "Policy",
    "replication": "Replication",
    "retention": "Retention",
    "tagging": "Tagging",
    "versioning": "Versioning",
    "website": "Website",
}
"""Names in a query beside the object or the bucket itself, and the words for them in the operation's name."""

_VERBS = {"GET": "Get", "PUT": "Put", "DELETE": "Delete", "POST": "Post", "HEAD": "Head"}

_ON_BUCKETS = {
    ("GET", "uploads"): "ListMultipartUploads",
    ("GET", "versions"): "ListObjectVersions",
    ("GET", "list-type"): "ListObjectsV2",
    ("GET", ""): "ListObjects",
    ("POST", "delete"): "DeleteObjects",
    ("POST", ""): "PostObject",
    ("PUT", ""): "CreateBucket",
    ("DELETE", ""): "DeleteBucket",
    ("HEAD", ""): "HeadBucket",
}
_ON_OBJECTS = {
    ("GET", "uploadId"): "ListParts",
    ("GET", ""): "GetObject",
    ("HEAD", ""): "HeadObject",
    ("POST", "uploads"): "CreateMultipartUpload",
    ("POST", "uploadId"): "CompleteMultipartUpload",
    ("POST", "restore"): "RestoreObject",
    ("POST", "select"): "SelectObjectContent",
    ("PUT", "uploadId"): "UploadPart",
    ("PUT", ""): "PutObject",
    ("DELETE", "uploadId"): "AbortMultipartUpload",
    ("DELETE", ""): "DeleteObject",
}
_COPIES = {"PutObject": "CopyObject", "UploadPart": "UploadPartCopy"}


class Named(NamedTuple):
    """The target of a request; bucket and key are empty where it has none."""

    operation: str
    bucket: str
    key: str


def named(method: str, target: str, headers: Mapping[str, str]) -> Named:
    """Name a request; the names of ``headers`` are in lower case."""
    path, _, query = target.partition("?")
    bucket, _, key = unquote(path).removeprefix("/").partition("/")
    if not bucket:
        return Named("ListBuckets" if method == "GET" else f"{method} /", "", "")
    parameters = dict(parse_qsl(query, keep_blank_values=True))
    operation = _operation(method, parameters, on_object=bool(key))
    if "x-amz-copy-source" in headers:
        operation = _COPIES.get(operation, operation)
    return Named(operation, bucket, key)


def _operation(method: str, parameters: Mapping[str, str], *, on_object: bool) -> str:
    table = _ON_OBJECTS if on_object else _ON_BUCKETS
    for name in parameters:
        if (method, name) in table:
            return table[method, name]
        if name in _SUBRESOURCES:
            return f"{_VERBS.get(method, method)}{'Object' if on_object else 'Bucket'}{_SUBRESOURCES[name]}"
    return table.get((method, ""), f"{method} {'object' if on_object else 'bucket'}")
