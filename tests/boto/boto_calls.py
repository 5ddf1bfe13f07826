"""Short ways to call the backend on aiobotocore."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from aios3._backend import GetOptions, Precondition, PutOptions
from aios3._boto import BotoBackend
from aios3._config import Config, Credentials
from aios3._paths import S3Url

if TYPE_CHECKING:
    from aios3._calls import ObjectBackend
    from scripted import Scripted

KEYS = Credentials("AKIASECRETID", "SECRETKEY", "SECRETTOKEN")
URL = S3Url("bucket", "key")
MIB = 1024 * 1024


def to(server: Scripted, slots: asyncio.Semaphore | None = None, **options: Any) -> BotoBackend:
    config = Config(endpoint_url=server.url, **{"credentials": KEYS, "max_attempts": 1, **options})
    return BotoBackend(config, None, slots or asyncio.Semaphore(4))


def free(slots: asyncio.Semaphore) -> int:
    return slots._value


async def put(backend: ObjectBackend, url: S3Url, *pieces: bytes | memoryview, **options: Any) -> Any:
    condition, checksum = options.pop("condition", Precondition()), options.pop("checksum", None)
    return await backend.put_object(url, pieces, options=PutOptions(**options), condition=condition, checksum=checksum)


async def get(backend: BotoBackend, url: S3Url, start: int = 0, stop: int | None = None, **options: Any) -> Any:
    return await backend.get_object(url, start=start, stop=stop, options=GetOptions(**options))


async def content(body: Any) -> bytes:
    received = bytearray()
    view = memoryview(bytearray(70_000))
    while count := await body.readinto(view):
        received += view[:count]
    body.close()
    return bytes(received)
