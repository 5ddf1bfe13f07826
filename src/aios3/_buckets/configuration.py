"""A bucket's documents of configuration: read, written and deleted, each by its own operations.

Some servers ignore the part of a URL that names the document, and take the request for one about the bucket. A DELETE
would then delete the bucket. So a document is read before it is written or deleted, and the response must be one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aios3.errors import ObjectNotFoundError, UnsupportedError

if TYPE_CHECKING:
    from aios3._backend import Document
    from aios3._paths import S3Url
    from aios3._session import Session


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of document: the ends of its operations' names, the member that holds it, and how it is missing."""

    name: str
    member: str
    absent: tuple[str, ...]
    """The codes that say that there is none. Any other 404 is raised: what is then written would replace one."""
    name_to_delete: str | None = None


CORS = Kind("BucketCors", "CORSRules", ("NoSuchCORSConfiguration", "NoSuchCORSConfigurationError"))
LIFECYCLE = Kind(
    "BucketLifecycleConfiguration", "Rules", ("NoSuchLifecycleConfiguration",), name_to_delete="BucketLifecycle"
)
POLICY = Kind("BucketPolicy", "Policy", ("NoSuchBucketPolicy",))
PUBLIC_ACCESS_BLOCK = Kind(
    "PublicAccessBlock", "PublicAccessBlockConfiguration", ("NoSuchPublicAccessBlockConfiguration",)
)
TAGGING = Kind("BucketTagging", "TagSet", ("NoSuchTagSet", "NoSuchTagSetError"))


async def call_operation(session: Session, url: S3Url, operation: str, parameters: Document | None = None) -> Document:
    """Send S3's ``operation`` about the bucket of ``url`` and return the response."""
    return await (await session.admin(url)).call_operation(operation, url, parameters or {})


async def read_document(session: Session, url: S3Url, kind: Kind) -> Document | None:
    """Return the whole response that has the document; None if the bucket has none.

    Raises UnsupportedError if the server responds with something else.
    """
    try:
        response = await call_operation(session, url, f"Get{kind.name}")
    except ObjectNotFoundError as error:
        if error.code not in kind.absent:
            raise
        return None
    if kind.member not in response:
        raise not_a_document_error(url, kind)
    return response


def not_a_document_error(url: S3Url, kind: Kind) -> UnsupportedError:
    """Build the error for a response that is not such a document."""
    operation = f"Get{kind.name}"
    message = f"{operation} {url}: this server responds with something else, so it does not know such documents"
    return UnsupportedError(message, path=str(url), operation=operation)


async def replace_document(session: Session, url: S3Url, kind: Kind, parameters: Document | None) -> None:
    """Put a document that has been read in the place of the one that is there; None deletes that."""
    if parameters is None:
        await call_operation(session, url, f"Delete{kind.name_to_delete or kind.name}")
    else:
        await call_operation(session, url, f"Put{kind.name}", parameters)


async def write_document(session: Session, url: S3Url, kind: Kind, parameters: Document | None) -> None:
    """Put a document in the place of what is there; None deletes what is there."""
    before = await read_document(session, url, kind)
    if before is not None or parameters is not None:
        await replace_document(session, url, kind, parameters)
