"""A bucket's versioning, tags, CORS rules and policy, each as a plain value."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from aios3._arguments import list_of
from aios3._buckets.configuration import (
    CORS,
    POLICY,
    TAGGING,
    call_operation,
    not_a_document_error,
    read_document,
    replace_document,
    write_document,
)
from aios3.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from aios3._backend import Document
    from aios3._paths import S3Url
    from aios3._session import Session

Versioning = Literal["Enabled", "Suspended"]


@dataclass(frozen=True, slots=True)
class CorsRule:
    """Requests that pages of other sites may send to a bucket from within a browser."""

    origins: Sequence[str]
    """The sites, such as ``"https://example.com"``; at most one ``*`` in each."""
    methods: Sequence[str]
    """``GET``, ``PUT``, ``POST``, ``DELETE``, ``HEAD``."""
    headers: Sequence[str] = ()
    """Headers that a request may have."""
    expose_headers: Sequence[str] = ()
    """Headers of a response that a page may see."""
    max_age_seconds: int | None = None
    """How long a browser may remember this."""
    id: str | None = None


async def get_versioning(session: Session, url: S3Url) -> Versioning | None:
    """Return S3's word for whether versions are kept; None if they never were."""
    status: Versioning | None = (await call_operation(session, url, "GetBucketVersioning")).get("Status") or None
    return status


async def set_versioning(session: Session, url: S3Url, *, enabled: bool) -> None:
    """Begin to keep versions, or keep no new ones."""
    configuration = {"Status": "Enabled" if enabled else "Suspended"}
    await call_operation(session, url, "PutBucketVersioning", {"VersioningConfiguration": configuration})


async def get_tags(session: Session, url: S3Url) -> dict[str, str]:
    """Return the tags of the bucket itself."""
    document = (await read_document(session, url, TAGGING) or {}).get("TagSet", ())
    if not all({"Key", "Value"} <= tag.keys() for tag in document):
        raise not_a_document_error(url, TAGGING)
    return {tag["Key"]: tag["Value"] for tag in document}


async def put_tags(session: Session, url: S3Url, tags: Mapping[str, str]) -> None:
    """Replace all tags of the bucket; none deletes them."""
    tag_set = [{"Key": name, "Value": value} for name, value in tags.items()]
    await write_document(session, url, TAGGING, {"Tagging": {"TagSet": tag_set}} if tag_set else None)


async def get_cors(session: Session, url: S3Url) -> list[CorsRule]:
    """Return the CORS rules of the bucket, in their order."""
    document = await read_document(session, url, CORS) or {}
    return [
        CorsRule(
            tuple(rule.get("AllowedOrigins", ())),
            tuple(rule.get("AllowedMethods", ())),
            tuple(rule.get("AllowedHeaders", ())),
            tuple(rule.get("ExposeHeaders", ())),
            rule.get("MaxAgeSeconds"),
            rule.get("ID"),
        )
        for rule in document.get("CORSRules", ())
    ]


async def put_cors(session: Session, url: S3Url, rules: Iterable[CorsRule]) -> None:
    """Replace all CORS rules of the bucket; none deletes them."""
    documents = [_cors_document(rule) for rule in list_of("rules", rules, CorsRule)]
    await write_document(session, url, CORS, {"CORSConfiguration": {"CORSRules": documents}} if documents else None)


def _cors_document(rule: CorsRule) -> Document:
    members: Document = {
        "AllowedOrigins": list(rule.origins),
        "AllowedMethods": list(rule.methods),
        "AllowedHeaders": list(rule.headers),
        "ExposeHeaders": list(rule.expose_headers),
        "ID": rule.id,
    }
    present = {name: value for name, value in members.items() if value}
    return present if rule.max_age_seconds is None else present | {"MaxAgeSeconds": rule.max_age_seconds}


async def get_policy(session: Session, url: S3Url) -> dict[str, object] | None:
    """Return the policy of the bucket as JSON has it; None if there is none."""
    document = await read_document(session, url, POLICY)
    if document is None or not document["Policy"]:
        return None
    try:
        policy: object = json.loads(document["Policy"])
    except ValueError as error:
        raise not_a_document_error(url, POLICY) from error
    if not isinstance(policy, dict):
        raise not_a_document_error(url, POLICY)
    return policy


async def put_policy(session: Session, url: S3Url, policy: Mapping[str, object] | None) -> None:
    """Replace the policy of the bucket; None deletes it."""
    before = await get_policy(session, url)
    if policy is not None:
        await replace_policy(session, url, policy)
    elif before is not None:
        await replace_document(session, url, POLICY, None)


async def replace_policy(session: Session, url: S3Url, policy: Mapping[str, object]) -> None:
    """Put a policy in the place of one that has been read."""
    try:
        text = json.dumps(dict(policy))
    except TypeError as error:
        message = f"A policy is what JSON can say: {error}"
        raise ConfigError(message, path=str(url)) from error
    await replace_document(session, url, POLICY, {"Policy": text})
