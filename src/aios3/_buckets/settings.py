"""A bucket's versioning, tags, CORS rules and policy, each as a plain value."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from aios3._buckets.documents import administer, read_document
from aios3.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from aios3._backend import Document
    from aios3._paths import S3Url
    from aios3._session import Session

Versioning = Literal["Enabled", "Suspended"]


@dataclass(frozen=True, slots=True)
class CorsRule:
    """What pages of other sites may ask of a bucket from within a browser."""

    origins: Sequence[str]
    """The sites, such as ``"https://example.com"``; at most one ``*`` in each."""
    methods: Sequence[str]
    """``GET``, ``PUT``, ``POST``, ``DELETE``, ``HEAD``."""
    headers: Sequence[str] = ()
    """Headers that a request may have."""
    expose_headers: Sequence[str] = ()
    """Headers of an answer that a page may see."""
    max_age_seconds: int | None = None
    """How long a browser may remember this."""
    id: str | None = None


async def get_versioning(session: Session, url: S3Url) -> Versioning | None:
    """Return S3's word for whether versions are kept; None if they never were."""
    status: Versioning | None = (await administer(session, url, "GetBucketVersioning")).get("Status") or None
    return status


async def set_versioning(session: Session, url: S3Url, *, enabled: bool) -> None:
    """Begin to keep versions, or keep no new ones."""
    wanted = {"Status": "Enabled" if enabled else "Suspended"}
    await administer(session, url, "PutBucketVersioning", {"VersioningConfiguration": wanted})


async def get_tags(session: Session, url: S3Url) -> dict[str, str]:
    """Return the tags of the bucket itself."""
    found = await read_document(session, url, "GetBucketTagging") or {}
    return {tag["Key"]: tag["Value"] for tag in found.get("TagSet", ())}


async def put_tags(session: Session, url: S3Url, tags: Mapping[str, str]) -> None:
    """Replace all tags of the bucket; none deletes them."""
    if not tags:
        await administer(session, url, "DeleteBucketTagging")
        return
    listed = [{"Key": name, "Value": value} for name, value in tags.items()]
    await administer(session, url, "PutBucketTagging", {"Tagging": {"TagSet": listed}})


async def get_cors(session: Session, url: S3Url) -> list[CorsRule]:
    """Return the CORS rules of the bucket, in their order."""
    found = await read_document(session, url, "GetBucketCors") or {}
    return [
        CorsRule(
            tuple(rule.get("AllowedOrigins", ())),
            tuple(rule.get("AllowedMethods", ())),
            tuple(rule.get("AllowedHeaders", ())),
            tuple(rule.get("ExposeHeaders", ())),
            rule.get("MaxAgeSeconds"),
            rule.get("ID"),
        )
        for rule in found.get("CORSRules", ())
    ]


async def put_cors(session: Session, url: S3Url, rules: Iterable[CorsRule]) -> None:
    """Replace all CORS rules of the bucket; none deletes them."""
    listed = [_cors_document(rule) for rule in rules]
    if not listed:
        await administer(session, url, "DeleteBucketCors")
        return
    await administer(session, url, "PutBucketCors", {"CORSConfiguration": {"CORSRules": listed}})


def _cors_document(rule: CorsRule) -> Document:
    said: Document = {
        "AllowedOrigins": list(rule.origins),
        "AllowedMethods": list(rule.methods),
        "AllowedHeaders": list(rule.headers),
        "ExposeHeaders": list(rule.expose_headers),
        "ID": rule.id,
    }
    given = {name: value for name, value in said.items() if value}
    return given if rule.max_age_seconds is None else given | {"MaxAgeSeconds": rule.max_age_seconds}


async def get_policy(session: Session, url: S3Url) -> dict[str, object] | None:
    """Return the policy of the bucket as JSON has it; None if there is none."""
    found = await read_document(session, url, "GetBucketPolicy")
    text = (found or {}).get("Policy")
    if not text:
        return None
    policy: dict[str, object] = json.loads(text)
    return policy


async def put_policy(session: Session, url: S3Url, policy: Mapping[str, object] | None) -> None:
    """Replace the policy of the bucket; None deletes it."""
    if policy is None:
        await administer(session, url, "DeleteBucketPolicy")
        return
    try:
        text = json.dumps(dict(policy))
    except TypeError as error:
        message = f"A policy is what JSON can say: {error}"
        raise ConfigError(message, path=str(url)) from error
    await administer(session, url, "PutBucketPolicy", {"Policy": text})
