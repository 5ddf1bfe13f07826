"""Key order: which servers list a bucket in the order of its keys' bytes, as S3's general purpose buckets are listed.

Directory buckets of S3 are not, and neither are those of some other servers (Storj lists in the order of encrypted
keys). It is known by the bucket's name, or from the first pages that anybody lists of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aios3._s3_constants import DIRECTORY_BUCKET_SUFFIXES

if TYPE_CHECKING:
    from aios3._paths import S3Url
    from aios3._session import Session


PROOF = 8
"""Names in key order on one page that prove it: another order has them so once in 40,320 times."""


def is_directory_bucket(url: S3Url) -> bool:
    """Return whether the bucket of ``url`` is one of S3's directory buckets."""
    return url.bucket.endswith(DIRECTORY_BUCKET_SUFFIXES)


def lists_in_key_order(session: Session, url: S3Url) -> bool | None:
    """Return whether the bucket of ``url`` is listed in key order; None if nothing is known."""
    if is_directory_bucket(url):
        return False
    return session.key_order.get((url.profile, url.bucket))


def note_key_order(session: Session, url: S3Url, *, in_order: bool, names: int) -> None:
    """Remember how the bucket of ``url`` is listed, after pages of at least ``names`` names."""
    bucket = url.profile, url.bucket
    if not in_order:
        session.key_order[bucket] = False
    elif names >= PROOF:
        session.key_order.setdefault(bucket, True)
