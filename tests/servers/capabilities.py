"""What S3 servers can do, and which of ours cannot, with the reason that a skipped test gives.

A test asks for a capability with ``@pytest.mark.needs("part_copy")``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

CAPABILITIES: Mapping[str, str] = {
    "any_key": "keeps keys byte for byte: a//b, ../x, /lead, 1,024 bytes",
    "nul_in_key": "stores a key with a NUL character",
    "key_below_key": "stores both 'a' and 'a/b'",
    "signatures": "rejects a wrong secret key",
    "two_users": "has a second user, who may not see the first one's buckets",
    "part_copy": "copies a range of an object into a part",
    "parts_of_any_size": "completes an upload whose parts before the last are not of one size",
    "read_if_match": "rejects a GET whose If-Match does not hold",
    "create_once": "lets one win of several PutObject with If-None-Match: * at the same moment",
    "complete_once": "lets one win of several CompleteMultipartUpload with If-None-Match: * at the same moment",
    "put_if_match": "rejects a PutObject whose If-Match does not hold, and accepts one that does",
    "complete_if_match": "refuses to complete a multipart upload whose If-Match does not hold",
    "copy_if_absent": "lets a CopyObject with If-None-Match: * create what is not there",
    "tags": "stores tags with an object",
    "upload_tags": "stores the tags that a multipart upload begins with",
    "copy_tags": "keeps the tags of an object on a CopyObject that replaces its metadata",
    "encryption": "encrypts objects with a key of its own",
    "customer_key_copy": "copies an object that is encrypted with a key of the caller's",
    "acls": "lets an object have an ACL of its own",
    "versions": "keeps versions of objects where it is told to",
    "lifecycle": "keeps lifecycle rules of a bucket",
    "cors": "keeps CORS rules of a bucket",
    "bucket_tags": "stores tags with a bucket",
    "policy": "keeps the policy of a bucket",
    "public_policy": "lets everybody read what a policy makes public",
}
"""Every capability that a test may ask for, and what it means."""

_MOTO = {
    "signatures": "checks no signature",
    "two_users": "knows no users",
    "complete_once": "looks, then writes, so that several win",
    "complete_if_match": "ignores If-Match on CompleteMultipartUpload",
}
"""What the simulated vendors lack because they are moto inside."""
_NO_TAGS = {
    "tags": "responds to tagging with 501",
    "upload_tags": "rejects x-amz-tagging",
    "bucket_tags": "responds with 501",
    "policy": "responds with 501",
    "public_policy": "has no policies",
}
_NO_CONDITIONS = {
    "create_once": "ignores If-None-Match on writes",
    "complete_once": "ignores If-None-Match on writes",
    "put_if_match": "ignores If-Match on writes",
    "complete_if_match": "ignores If-Match on writes",
    "copy_if_absent": "ignores If-None-Match on writes",
}

VENDORS_LACK: Mapping[str, Mapping[str, str]] = {
    "vendor-r2": {
        **_MOTO,
        **_NO_TAGS,
        "versions": "responds to versioning with 501",
        "parts_of_any_size": "wants all parts but the last of one size: InvalidPart",
    },
    "vendor-b2": {
        **_MOTO,
        **_NO_TAGS,
        "create_once": "rejects If-None-Match on writes with 501",
        "put_if_match": "rejects If-Match on writes with 501",
        "copy_if_absent": "rejects If-None-Match on writes with 501",
    },
    "vendor-gcs": {
        **_MOTO,
        **_NO_TAGS,
        **_NO_CONDITIONS,
        "part_copy": "has no UploadPartCopy",
        "versions": "responds to versioning with 501",
    },
    "vendor-oss": {**_MOTO, **_NO_CONDITIONS, "policy": "responds with 501", "public_policy": "has no policies"},
    "vendor-wasabi": {**_MOTO},
    "vendor-spaces": {**_MOTO, **_NO_TAGS},
    "vendor-minio": {
        **_MOTO,
        "any_key": "rejects a//b, ../x, a/./b and /lead: XMinioInvalidObjectName",
        "nul_in_key": "rejects a NUL: XMinioInvalidObjectName",
    },
}
"""The same of the simulated vendors, which know only what is documented of them."""

LACKS: Mapping[str, Mapping[str, str]] = {
    "moto": {
        "signatures": "checks no signature",
        "two_users": "knows no users",
        "complete_once": "looks, then writes, so that several win",
        "complete_if_match": "ignores If-Match on CompleteMultipartUpload",
    },
    "rclone": {
        "any_key": "stores keys as file names: rejects a//b, ../x, a/./b, /lead and names over 255 bytes",
        "nul_in_key": "stores keys as file names",
        "key_below_key": "stores keys as files, so 'a' cannot be a file and a folder",
        "two_users": "has one user",
        "part_copy": "responds to UploadPartCopy with 200 and an empty result, and stores an empty part",
        "read_if_match": "ignores If-Match on GET",
        "create_once": "ignores If-None-Match",
        "complete_once": "ignores If-None-Match",
        "put_if_match": "ignores If-Match",
        "complete_if_match": "ignores If-Match",
        "tags": "takes tags with a PUT, and responds to a GET of them with the object",
        "versions": "responds to versioning with 501",
        "lifecycle": "takes a request about it for one about the bucket",
        "cors": "takes a request about it for one about the bucket",
        "bucket_tags": "takes a request about them for one about the bucket",
        "policy": "takes a request about it for one about the bucket",
        "public_policy": "has no policies",
    },
    "ceph": {
        "nul_in_key": "responds to a path with %00 with 400, before S3 sees it",
        "complete_once": "ignores If-None-Match on CompleteMultipartUpload (16.2)",
        "complete_if_match": "ignores If-Match on CompleteMultipartUpload (16.2)",
        "upload_tags": "ignores x-amz-tagging on CreateMultipartUpload (16.2)",
        "copy_tags": "drops the tags of a CopyObject that replaces metadata, also those that it is sent (16.2)",
        "encryption": "has no keys unless they are configured",
        "customer_key_copy": "responds with 501",
    },
    "swift": {
        "nul_in_key": "rejects a NUL in a path: InvalidURI",
        "create_once": "looks, then writes, so that several win",
        "complete_once": "looks, then writes, so that several win",
        "put_if_match": "responds to PutObject with If-Match with 501",
        "complete_if_match": "responds to CompleteMultipartUpload with If-Match with 501",
        "copy_if_absent": "responds to CopyObject with If-None-Match: * with 412 even if nothing is there",
        "tags": "responds to tagging with 501",
        "lifecycle": "responds to every document with 400 MalformedXML",
        "cors": "responds with 501",
        "bucket_tags": "responds to PutBucketTagging with 501",
        "policy": "responds with 501",
        "public_policy": "has no policies",
    },
    "ministack": {
        "signatures": "checks only presigned ones",
        "two_users": "knows no users",
        "upload_tags": "ignores x-amz-tagging on CreateMultipartUpload",
        "acls": "responds with 400 AccessControlListNotSupported",
    },
    "localstack": {
        "signatures": "checks only presigned ones",
        "two_users": "knows no users",
        "complete_once": "looks, then writes, so that several win",
    },
    **VENDORS_LACK,
}
"""By server, the capabilities that it has not, and what it does instead."""
