"""Arguments of botocore's methods made of the backend's values. No I/O."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from aios3._backend import MD5
from aios3._responses import quote_etag

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aios3._backend import Checksum, CopyOptions, GetOptions, Part, Precondition, PutOptions
    from aios3._paths import S3Url

Parameters = dict[str, Any]
"""Arguments of one of botocore's methods, by S3's names."""


def without_none(parameters: Mapping[str, object]) -> Parameters:
    """Leave out parameters that are None."""
    return {name: value for name, value in parameters.items() if value is not None}


def bucket_and_key(url: S3Url) -> Parameters:
    """Name an object."""
    return {"Bucket": url.bucket, "Key": url.key}


def part_parameters(url: S3Url, upload_id: str, number: int) -> Parameters:
    """Name a part of an upload; ``number`` is 1 to 10,000."""
    return {**bucket_and_key(url), "UploadId": upload_id, "PartNumber": number}


def listed_part(part: Part) -> Parameters:
    """Name a part that has been sent, for the completion of its upload."""
    return {"PartNumber": part.number, "ETag": quote_etag(part.etag), **checked(part.checksum)}


def reading(options: GetOptions) -> Parameters:
    """Say which version is read, and with which key."""
    if_match = None if options.if_match is None else quote_etag(options.if_match)
    version = {"VersionId": options.version_id, "IfMatch": if_match}
    return without_none(version) | customer_key(options.sse_customer_key)


def customer_key(key: bytes | None) -> Parameters:
    """Say the key of encryption with a customer's key (SSE-C)."""
    return {} if key is None else {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": key}


def writing(options: PutOptions) -> Parameters:
    """Say what is stored with an object."""
    plain = {
        "ContentType": options.content_type,
        "ContentEncoding": options.content_encoding,
        "ContentDisposition": options.content_disposition,
        "ContentLanguage": options.content_language,
        "CacheControl": options.cache_control,
        "Metadata": None if options.metadata_as_stored else dict(options.metadata) or None,
        "StorageClass": options.storage_class,
        "ACL": options.acl,
        "Tagging": urlencode(dict(options.tags), quote_via=quote) or None,
        "ServerSideEncryption": options.sse,
        "SSEKMSKeyId": options.sse_kms_key_id,
        "BucketKeyEnabled": None if options.sse_bucket_key is None else options.sse_bucket_key == "true",
        "WebsiteRedirectLocation": options.website_redirect,
    }
    return without_none(plain) | customer_key(options.sse_customer_key)


def conditional(condition: Precondition) -> Parameters:
    """Say the condition of a write; the ETag without quotes, because radosgw rejects them and Amazon wants none."""
    if_match = None if condition.if_match is None else condition.if_match.strip('"')
    return without_none({"IfMatch": if_match, "IfNoneMatch": "*" if condition.if_absent else None})


def copying(source: S3Url, terms: CopyOptions) -> Parameters:
    """Say what is copied, and under which terms."""
    names = bucket_and_key(source) | without_none({"VersionId": terms.version_id})
    if_match = None if terms.if_match is None else terms.if_match.strip('"')
    plain = {"CopySource": names, "CopySourceIfMatch": if_match, "StorageClass": terms.storage_class}
    return without_none(plain) | conditional(terms.condition)


def checked(checksum: Checksum | None) -> Parameters:
    """Say the checksum of what is sent."""
    if checksum is None:
        return {}
    name = "ContentMD5" if checksum.algorithm == MD5 else f"Checksum{checksum.algorithm}"
    return {name: checksum.value}


@functools.cache
def method(operation: str) -> str:
    """Return the name of botocore's method for S3's ``operation``."""
    from botocore import xform_name  # noqa: PLC0415 - slow to import

    name: str = xform_name(operation)
    return name
