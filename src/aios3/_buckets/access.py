"""Public access to a bucket: aios3's statement in its policy, and the settings that may forbid it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aios3._buckets.configuration import PUBLIC_ACCESS_BLOCK, read_document, replace_document
from aios3._buckets.settings import get_policy, replace_policy
from aios3.errors import AccessDeniedError, CredentialsError, UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aios3._paths import S3Url
    from aios3._session import Session

_READING = "Aios3PublicRead"
_LISTING = "Aios3PublicList"
_FORBIDDING = ("BlockPublicPolicy", "RestrictPublicBuckets")


async def allow_public_access(session: Session, url: S3Url, *, listing: bool, unblock: bool) -> None:
    """Allow public reading of all objects, and with ``listing`` of their keys; the policy's other statements stay."""
    blocks = await _blocks(session, url)
    if blocks and not unblock:
        message = (
            f"PutBucketPolicy {url}: the bucket's public access block forbids it ({' and '.join(blocks)}); "
            "if everybody on the internet is to read it, call allow_public_access(unblock=True)"
        )
        raise AccessDeniedError(message, path=str(url), operation="PutBucketPolicy")
    if blocks:
        await replace_document(session, url, PUBLIC_ACCESS_BLOCK, None)
    policy = public_policy(await get_policy(session, url), url.bucket, listing=listing)
    try:
        await replace_policy(session, url, policy)
    except CredentialsError:
        raise
    except AccessDeniedError as error:
        error.add_note(
            "Either s3:PutBucketPolicy is not allowed, or a public access block of the whole account forbids public "
            "policies; that one is not the bucket's, and whoever administers the account can change it"
        )
        raise


async def _blocks(session: Session, url: S3Url) -> list[str]:
    """Return the settings of the public access block that forbid public policies; empty where the server cannot say."""
    try:
        response = await read_document(session, url, PUBLIC_ACCESS_BLOCK)
    except CredentialsError:
        raise
    except (AccessDeniedError, UnsupportedError):
        return []  # writing the policy itself will show it
    settings = (response or {}).get("PublicAccessBlockConfiguration", {})
    return [name for name in _FORBIDDING if settings.get(name)]


def public_policy(policy: Mapping[str, object] | None, bucket: str, *, listing: bool) -> dict[str, object]:
    """Return a policy with our statements, each once, and with all other ones of ``policy``."""
    resource = f"arn:aws:s3:::{bucket}"
    own_statements = [_statement(_READING, "s3:GetObject", f"{resource}/*")]
    if listing:
        own_statements.append(_statement(_LISTING, "s3:ListBucket", resource))
    before = (policy or {}).get("Statement", [])
    statements = before if isinstance(before, list) else [before]
    others = [each for each in statements if not (isinstance(each, dict) and each.get("Sid") in {_READING, _LISTING})]
    return {"Version": "2012-10-17", **(policy or {}), "Statement": [*others, *own_statements]}


def _statement(sid: str, action: str, resource: str) -> dict[str, str]:
    return {"Sid": sid, "Effect": "Allow", "Principal": "*", "Action": action, "Resource": resource}
