"""Calls of the backend on aiobotocore that must fail."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from boto_calls import KEYS, MIB, URL

from aios3 import errors
from aios3._adapting_backend import AdaptingAdmin
from aios3._backend import GetOptions, Precondition, PutOptions
from aios3._boto import BotoBackend
from aios3._config import Config
from aios3._engine.retry_policy import RetryPolicy
from scripted import response, xml

if TYPE_CHECKING:
    import asyncio

    from aios3._paths import S3Url


async def failing(
    slots: asyncio.Semaphore, call: str = "head", url: S3Url = URL, profile: str | None = None, **options: Any
) -> errors.S3Error:
    """Make a call and return the error that it must raise."""
    config = Config(**{"credentials": KEYS, "max_attempts": 1, **options})
    backend = AdaptingAdmin(BotoBackend(config, profile, slots), RetryPolicy(config.max_attempts))
    try:
        with pytest.raises(errors.S3Error) as caught:
            await CALLS[call](backend, url)
    finally:
        await backend.aclose()
    for secret in ("SECRETKEY", "SECRETTOKEN"):
        assert secret not in str(caught.value)
    return caught.value


async def get(backend: BotoBackend, url: S3Url, start: int = 0, stop: int | None = None) -> Any:
    return await backend.get_object(url, start=start, stop=stop, options=GetOptions())


async def put(backend: BotoBackend, url: S3Url, size: int = 1, **condition: Any) -> Any:
    pieces = [b"x" * size]
    return await backend.put_object(
        url, pieces, options=PutOptions(), condition=Precondition(**condition), checksum=None
    )


async def complete(backend: BotoBackend, url: S3Url, **condition: Any) -> Any:
    return await backend.complete_multipart_upload(
        url, "u", [], options=PutOptions(), condition=Precondition(**condition), checksum=None
    )


CALLS: dict[str, Any] = {
    "get": get,
    "put": put,
    "put big": lambda backend, url: put(backend, url, 32 * MIB),
    "create": lambda backend, url: put(backend, url, if_absent=True),
    "swap": lambda backend, url: put(backend, url, if_match="abc"),
    "complete": complete,
    "complete new": lambda backend, url: complete(backend, url, if_absent=True),
    "head": lambda backend, url: backend.head_object(url, GetOptions()),
    "bucket": lambda backend, url: backend.head_bucket(url),
    "list": lambda backend, url: backend.list_objects(url),
    "copy": lambda backend, url: backend.copy_object(url, url, options=None),
    "tags": lambda backend, url: backend.get_tags(url),
    "client": lambda backend, _url: backend.raw_client(),
}


def rejection(status: int, code: str, **fields: str) -> bytes:
    body = xml("Error", Code=code, Message="because.", **fields)
    return response(status, body, **{"x-amz-request-id": "REQ1"})


async def hang_up(_request, _reader, writer):
    writer.transport.abort()
