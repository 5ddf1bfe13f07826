"""Requests about an object without a key: S3 would take them for requests about the bucket, and delete or create it.

And those without a bucket, whose key S3 would take for one.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

import aios3
from aios3 import _operations as operations
from aios3._backend import CopyOptions, GetOptions, PartSource, Precondition, PutOptions

BUCKET = aios3.S3Url("bucket")
OBJECT = aios3.S3Url("bucket", "key")
STORED = {"options": PutOptions(), "condition": Precondition(), "checksum": None}

KEYLESS = {
    "GetObject": operations.GetObject(BUCKET, 0, None, GetOptions()),
    "HeadObject": operations.HeadObject(BUCKET, GetOptions()),
    "PutObject": operations.PutObject(BUCKET, (b"data",), **STORED),
    "CreateMultipartUpload": operations.CreateMultipartUpload(BUCKET, PutOptions(), None),
    "UploadPart": operations.UploadPart(BUCKET, "id", 1, (b"data",), PutOptions(), None),
    "UploadPartCopy": operations.UploadPartCopy(BUCKET, "id", 1, PartSource(OBJECT, 0, 1)),
    "CompleteMultipartUpload": operations.CompleteMultipartUpload(BUCKET, "id", (), **STORED),
    "AbortMultipartUpload": operations.AbortMultipartUpload(BUCKET, "id"),
    "DeleteObject": operations.DeleteObject(BUCKET),
    "CopyObject": operations.CopyObject(OBJECT, BUCKET, None, CopyOptions()),
    "ListParts": operations.ListParts(BUCKET, "id"),
    "GetObjectTagging": operations.GetObjectTagging(BUCKET),
}


@pytest.mark.parametrize("transport", ["auto", "aiobotocore"])
@pytest.mark.parametrize("name", KEYLESS)
async def test_no_request_about_an_object_reaches_its_bucket_instead(name, transport):
    nowhere = {"endpoint_url": "http://127.0.0.1:1", "region": "us-east-1", "max_attempts": 1}
    async with aios3.Session(transport=transport, credentials=aios3.Credentials("AKID", "x"), **nowhere) as session:
        backend = await session.admin(BUCKET)
        with pytest.raises(aios3.PathIsDirectoryError, match="has no key"):
            await backend.send(KEYLESS[name])
        with pytest.raises(aios3.InvalidPathError, match="'s3:///key' has no bucket"):
            await backend.send(replace(KEYLESS[name], url=aios3.S3Url("", "key")))


def test_the_table_has_every_operation_about_an_object():
    known = {each.name for each in vars(operations).values() if getattr(each, "names_object", False)}
    assert known == set(KEYLESS)
    of_buckets = {"ListObjectsV2", "HeadBucket", "DeleteObjects", "ListMultipartUploads", "ListBuckets"}
    every = {each.name for each in operations.Operation.__subclasses__() if isinstance(vars(each).get("name"), str)}
    assert every <= known | of_buckets


async def test_a_store_at_a_bucket_does_not_delete_the_bucket(aios3_server):
    zarr = pytest.importorskip("aios3.zarr")
    path = aios3_server.create_bucket("keyless-store")
    store = zarr.S3Store(path, **aios3_server.config)
    with pytest.raises(aios3.PathIsDirectoryError):
        await store.delete("")
    assert not await store.exists("")
    async with aios3.Session(**aios3_server.config) as session:
        assert await aios3.hasbucket(path, session=session)
