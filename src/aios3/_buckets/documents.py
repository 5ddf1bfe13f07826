"""A bucket's documents of configuration: read, and told apart from those that are not there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aios3.errors import ObjectNotFoundError

if TYPE_CHECKING:
    from aios3._backend import Document
    from aios3._paths import S3Url
    from aios3._session import Session

_ABSENT = {
    "GetBucketCors": ("NoSuchCORSConfiguration", "NoSuchCORSConfigurationError"),
    "GetBucketLifecycleConfiguration": ("NoSuchLifecycleConfiguration",),
    "GetBucketPolicy": ("NoSuchBucketPolicy",),
    "GetBucketTagging": ("NoSuchTagSet", "NoSuchTagSetError"),
    "GetPublicAccessBlock": ("NoSuchPublicAccessBlockConfiguration",),
}
"""How servers say that there is no such document. Any other 404 is raised: what is then written would replace one."""


async def administer(session: Session, url: S3Url, operation: str, parameters: Document | None = None) -> Document:
    """Send S3's ``operation`` about the bucket of ``url`` and return the answer."""
    return await (await session.backend(url)).administer(operation, url, parameters or {})


async def read_document(session: Session, url: S3Url, operation: str) -> Document | None:
    """Return the answer to a Get operation; None if the bucket has no such document."""
    try:
        return await administer(session, url, operation)
    except ObjectNotFoundError as error:
        if error.code not in _ABSENT[operation]:
            raise
        return None
