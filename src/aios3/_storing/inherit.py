"""The attributes that an object keeps when it is written again on the base of another, or of itself.

Appending and changing (``ab``, ``rb+``) keep everything that S3 reports of the object. A copy carries what S3's own
CopyObject carries, whichever way the bytes take. These are headers, metadata, tags, and the storage class, which is a
parameter of CopyObject. It does not carry the encryption, which is the target bucket's, nor the website redirect. S3
does not report an object's ACL along with the object, so a new one has the bucket's default.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from aios3._backend import PutOptions
from aios3._responses import BUCKET_KEY, ENCRYPTION, KMS_KEY, REDIRECT
from aios3.errors import AccessDeniedError, RequestError, UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aios3._entries import StatResult
    from aios3._paths import S3Url
    from aios3._session import Session


async def inherit_metadata(session: Session, url: S3Url, options: PutOptions, old: StatResult) -> PutOptions:
    """Keep what the object ``old`` at ``url`` was stored with, where the caller does not say otherwise.

    Raises UnsupportedError for metadata that could not be sent again as they are.
    """
    options = _inherit_headers(options, old, url)
    if not options.tags and old.tag_count:
        options = replace(options, tags=await (await session.admin(url)).get_tags(url))
    if options.sse is None and options.sse_kms_key_id is None and options.sse_customer_key is None:
        options = replace(
            options,
            sse=old.headers.get(ENCRYPTION),
            sse_kms_key_id=old.headers.get(KMS_KEY),
            sse_bucket_key=old.headers.get(BUCKET_KEY),
        )
    return replace(options, website_redirect=old.headers.get(REDIRECT))


async def inherited_by_copy(
    session: Session, url: S3Url, old: StatResult, overrides: PutOptions | None = None
) -> PutOptions:
    """Return what a copy of the object ``old`` at ``url`` is stored with; ``overrides`` go before what the object has.

    Raises like :func:`inherit_metadata`.
    """
    options = replaced_by_copy(url, old, overrides or PutOptions())
    return options if options.tags else replace(options, tags=await _tags(session, url, old))


def replaced_by_copy(url: S3Url, old: StatResult, overrides: PutOptions) -> PutOptions:
    """Return what CopyObject stores if ``overrides`` go before what the object ``old`` at ``url`` has.

    Tags are left out unless ``overrides`` has some: S3 carries them itself. Raises like :func:`inherit_metadata`.
    """
    options = _inherit_headers(overrides, old, url)
    return replace(options, storage_class=overrides.storage_class or storage_class_of(old))


def storage_class_of(old: StatResult) -> str | None:
    """Name the storage class where it is not the one that S3 takes by itself."""
    return None if old.storage_class == "STANDARD" else old.storage_class


async def _tags(session: Session, url: S3Url, old: StatResult) -> Mapping[str, str]:
    """Return an object's tags. Not every server says in the description of an object that it has some."""
    admin = await session.admin(url)
    if old.tag_count:
        return await admin.get_tags(url)
    try:
        return await admin.get_tags(url)
    except (AccessDeniedError, RequestError, UnsupportedError):
        return {}


def _inherit_headers(options: PutOptions, old: StatResult, url: S3Url) -> PutOptions:
    """Keep what describes the bytes."""
    if not options.metadata and old.metadata:
        _check_metadata(old.metadata, url)
        options = replace(options, metadata=old.metadata, metadata_as_stored=True)
    return replace(
        options,
        content_type=options.content_type or old.content_type,
        content_encoding=options.content_encoding or old.headers.get("content-encoding"),
        content_disposition=options.content_disposition or old.headers.get("content-disposition"),
        content_language=options.content_language or old.headers.get("content-language"),
        cache_control=options.cache_control or old.headers.get("cache-control"),
        expires=options.expires or old.headers.get("expires"),
        storage_class=options.storage_class or old.storage_class,
    )


def _check_metadata(metadata: Mapping[str, str], url: S3Url) -> None:
    """Raise UnsupportedError for metadata that are not text in UTF-8: no request could carry them unchanged."""
    for name, value in metadata.items():
        try:
            f"{name}{value}".encode()
        except UnicodeEncodeError as error:
            message = (
                f"{url} has metadata {name!r} that are not UTF-8, which cannot be kept in a new version; "
                "give metadata= to replace them"
            )
            raise UnsupportedError(message, path=str(url)) from error
