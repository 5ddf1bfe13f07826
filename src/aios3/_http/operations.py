"""How each operation with a short response becomes a request, and its response a result. No I/O here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aios3 import _operations as operations
from aios3._http import requests, response_values
from aios3._success import check_bucket, check_empty, check_object, check_stored

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from aios3._backend import BucketPage, DeleteFailure, ListPage, Part
    from aios3._entries import StatResult, WriteResult
    from aios3._http.requests import Request
    from aios3._http.response_head import ResponseHead


def _head_object(operation: operations.HeadObject) -> Request:
    return requests.head_object(operation.url, operation.options, with_checksums=operation.options.with_checksum)


def _put_object(operation: operations.PutObject) -> Request:
    return requests.put_object(
        operation.url,
        operation.body,
        options=operation.options,
        condition=operation.condition,
        checksum=operation.checksum,
    )


def _create_multipart_upload(operation: operations.CreateMultipartUpload) -> Request:
    # The response may come while Ctrl-C ends the process. An import then compiles texts for dataclasses, and CPython
    # forgets at each of them that it is to end by SIGINT: a shell's loop would go on.
    import aios3._http.s3_xml  # noqa: F401, PLC0415 - slow to import, and only documents need it

    return requests.create_multipart_upload(operation.url, operation.options, operation.algorithm)


def _upload_part(operation: operations.UploadPart) -> Request:
    return requests.upload_part(
        operation.url,
        operation.upload_id,
        operation.number,
        operation.body,
        options=operation.options,
        checksum=operation.checksum,
    )


def _upload_part_copy(operation: operations.UploadPartCopy) -> Request:
    return requests.upload_part_copy(operation.url, operation.upload_id, operation.number, operation.source)


def _complete_multipart_upload(operation: operations.CompleteMultipartUpload) -> Request:
    return requests.complete_multipart_upload(
        operation.url,
        operation.upload_id,
        operation.parts,
        options=operation.options,
        condition=operation.condition,
        checksum=operation.checksum,
    )


def _abort_multipart_upload(operation: operations.AbortMultipartUpload) -> Request:
    return requests.abort_multipart_upload(operation.url, operation.upload_id)


def _list_objects(operation: operations.ListObjects) -> Request:
    return requests.list_objects(
        operation.url,
        delimiter=operation.delimiter,
        token=operation.token,
        start_after=operation.start_after,
        max_keys=operation.max_keys,
    )


def _list_buckets(operation: operations.ListBuckets) -> Request:
    return requests.list_buckets(operation.url, operation.token)


def _head_bucket(operation: operations.HeadBucket) -> Request:
    return requests.head_bucket(operation.url)


def _delete_object(operation: operations.DeleteObject) -> Request:
    return requests.delete_object(operation.url, operation.version_id, operation.if_match)


def _delete_objects(operation: operations.DeleteObjects) -> Request:
    return requests.delete_objects(operation.url, operation.keys, operation.if_match)


def _copy_object(operation: operations.CopyObject) -> Request:
    return requests.copy_object(operation.source, operation.url, options=operation.options, terms=operation.terms)


def _page(operation: operations.ListObjects, body: bytes) -> ListPage:
    from aios3._http.s3_xml import list_page  # noqa: PLC0415 - as in responses

    return list_page(body, operation.token, str(operation.url))


def _buckets(operation: operations.ListBuckets, body: bytes) -> BucketPage:
    from aios3._http.s3_xml import bucket_page  # noqa: PLC0415 - as in responses

    return bucket_page(body, str(operation.url))


def _failures(operation: operations.DeleteObjects, body: bytes) -> Sequence[DeleteFailure]:
    from aios3._http.s3_xml import delete_failures  # noqa: PLC0415 - as in responses

    return delete_failures(body, operation.keys, str(operation.url))


def _described(operation: operations.HeadObject, head: ResponseHead, _body: bytes) -> StatResult:
    check_object(operation.name, operation.url, head.headers)
    return response_values.described(head.headers, str(operation.url))


def _stored(operation: operations.PutObject, head: ResponseHead, body: bytes) -> WriteResult:
    check_stored(operation.name, operation.url, head.headers, body)
    return response_values.write_result(head.headers, operation.body_size)


def _part(operation: operations.UploadPart, head: ResponseHead, body: bytes) -> Part:
    check_stored(operation.name, operation.url, head.headers, body)
    return response_values.part_of(head.headers, operation.number)


def _empty(
    operation: operations.AbortMultipartUpload | operations.DeleteObject, _head: ResponseHead, body: bytes
) -> None:
    check_empty(operation.name, operation.url, body)


def _bucket(operation: operations.HeadBucket, head: ResponseHead, _body: bytes) -> None:
    check_bucket(operation.url, head.headers)


CALLS: dict[type, tuple[Callable[[Any], Request], Callable[[Any, ResponseHead, bytes], object]]] = {
    operations.HeadObject: (_head_object, _described),
    operations.PutObject: (_put_object, _stored),
    operations.CreateMultipartUpload: (
        _create_multipart_upload,
        lambda of, _, body: response_values.upload_id_of(body, str(of.url)),
    ),
    operations.UploadPart: (_upload_part, _part),
    operations.UploadPartCopy: (
        _upload_part_copy,
        lambda of, _, body: response_values.copied_part(body, of.number, str(of.url)),
    ),
    operations.CompleteMultipartUpload: (
        _complete_multipart_upload,
        lambda of, head, body: response_values.completed(head.headers, body, str(of.url)),
    ),
    operations.AbortMultipartUpload: (_abort_multipart_upload, _empty),
    operations.ListObjects: (_list_objects, lambda of, _, body: _page(of, body)),
    operations.ListBuckets: (_list_buckets, lambda of, _, body: _buckets(of, body)),
    operations.HeadBucket: (_head_bucket, _bucket),
    operations.DeleteObject: (_delete_object, _empty),
    operations.DeleteObjects: (_delete_objects, lambda of, _, body: _failures(of, body)),
    operations.CopyObject: (
        _copy_object,
        lambda of, head, body: response_values.copied(head.headers, body, str(of.url)),
    ),
}
"""By operation: the function that makes the request, and the one that reads the result from the response."""
