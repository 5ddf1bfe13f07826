"""How a bucket is reached, as a value for programs and a sentence for people."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class BucketDescription:
    """How a session reaches one bucket; nothing in it is secret. ``str()`` makes a sentence of it."""

    path: str
    """The bucket's path; ``s3://`` for what is asked of no bucket, such as the list of buckets."""
    endpoint: str | None
    """The URL that requests for the bucket begin with; None for ``s3://``."""
    region: str
    """The region that requests are signed for."""
    region_source: str
    """Where the region is from: the argument, the variable or the profile's setting, ``the server``, the bucket's
    ``name``, or ``the default``."""
    credentials: str | None
    """The kind of source of the credentials, such as ``argument``, ``env``, ``callback``, ``anonymous``, or the name of
    one of botocore's providers, such as ``iam-role``. None if none were needed yet."""
    credentials_expire_at: datetime | None
    """When they end; None if they last, or it is not known."""
    transport: Literal["native", "aiobotocore"]
    """The transport of the requests: the native one, or aiobotocore."""
    reason: str
    """Why it is that one, and why a proxy that the environment names is not used."""

    def __str__(self) -> str:
        way = "the native transport" if self.transport == "native" else "aiobotocore"
        until = f" until {self.credentials_expire_at:%Y-%m-%d %H:%M:%S %Z}" if self.credentials_expire_at else ""
        signed = {None: "no credentials were needed yet", "anonymous": "nothing is signed"}.get(
            self.credentials, f"credentials of the kind {self.credentials}{until}"
        )
        location = f"at {self.endpoint} " if self.endpoint else ""
        return (
            f"{self.path} is reached {location}in region {self.region} (from {self.region_source}) through {way}, "
            f"because {self.reason}; {signed}"
        )
