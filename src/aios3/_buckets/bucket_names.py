"""Names of buckets: their syntax, and the bucket that a given name stands for. No I/O."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from aios3._paths import S3Url, is_s3
from aios3._s3_constants import DIRECTORY_BUCKET_SUFFIXES
from aios3.errors import InvalidPathError

if TYPE_CHECKING:
    from aios3._paths import AnyPath

_IPV4 = re.compile(r"\d+\.\d+\.\d+\.\d+")
_BAD_STARTS = ("xn--", "sthree-", "amzn-s3-demo-")
_BAD_ENDS = ("-s3alias", "--ol-s3", ".mrap", *DIRECTORY_BUCKET_SUFFIXES, "--table-s3")

_RULES = (
    (re.compile(r".{3,63}"), "it must have 3 to 63 characters"),
    (re.compile(r"[a-z0-9.-]*"), "only small letters, digits, '.' and '-' may be in it"),
    (re.compile(r"[a-z0-9].*[a-z0-9]"), "it must begin and end with a letter or digit"),
    (re.compile(r"(?!.*\.\.).*"), "two dots must not follow each other"),
)
"""Amazon S3 user guide, "General purpose bucket naming rules"; the first one that is broken is named."""


def bucket_url(bucket: AnyPath) -> S3Url:
    """Return the bucket that is meant by a name, by ``s3://name``, or by ``s3+profile://name``.

    Raises InvalidPathError for other values, and for a path with a key.
    """
    text = f"s3://{bucket}" if isinstance(bucket, str) and not is_s3(bucket) else bucket
    url = S3Url.parse(text).require_bucket()
    if url.key:
        message = f"{str(url)!r} is in a bucket, and a bucket itself is needed here: {str(url.with_key(''))!r}"
        raise InvalidPathError(message, path=str(url))
    return url


def key_url(bucket: S3Url, key: str) -> S3Url:
    """Return where the object ``key`` of a bucket is; raise InvalidPathError for what cannot be a key."""
    text: object = key
    if not isinstance(text, str) or not text:
        message = f"A key in {bucket} is a text that is not empty, and {key!r} is none"
        raise InvalidPathError(message, path=str(bucket))
    return S3Url.parse(f"{bucket.with_key('')}/{key}")


def check_new_name(url: S3Url) -> None:
    """Raise InvalidPathError if S3 has no bucket of that name made. Older buckets have names that it now rejects."""
    name = url.bucket
    why = next((why for rule, why in _RULES if not rule.fullmatch(name)), None)
    if why is None and _IPV4.fullmatch(name):
        why = "it looks like an IP address"
    if why is None and name.startswith(_BAD_STARTS):
        why = f"names that begin with {', '.join(map(repr, _BAD_STARTS))} are S3's own"
    if why is None and name.endswith(_BAD_ENDS):
        why = f"names that end in {', '.join(map(repr, _BAD_ENDS))} are for buckets of other kinds"
    if why is not None:
        message = f"S3 makes no bucket named {name!r}: {why}"
        raise InvalidPathError(message, path=str(url))
