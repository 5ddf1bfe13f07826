"""Where the requests for a bucket go: botocore's rules for S3 endpoints, as far as they are known here. No I/O.

What is not known here is left to botocore's own rules (:mod:`aios3._boto.endpoint_probe`).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

from aios3._backend import BucketAddress
from aios3._endpoint_url import AMAZON_DOMAINS
from aios3._s3_constants import SIGV4

if TYPE_CHECKING:
    from aios3._config import AddressingStyle

    class EndpointSettings(Protocol):
        """The settings that decide the address of a bucket."""

        @property
        def endpoint_url(self) -> str | None:
            """Where the server is; None is Amazon's endpoint of the region."""

        @property
        def region(self) -> str:
            """The region to ask and to sign for."""

        @property
        def addressing_style(self) -> AddressingStyle:
            """How the bucket is named in a URL."""


EXPRESS = "v4-s3express"
"""SigV4 with the credentials of a session that is made for one directory bucket ("S3 Express One Zone")."""

_HOST_LABEL = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)")
_MIN_VIRTUAL_HOST_LENGTH = 3
_PLAIN_REGION = re.compile(r"(?:af|ap|ca|eu|il|me|mx|sa|us)-[a-z]+-\d")
_IPV4 = re.compile(r"\d+\.\d+\.\d+\.\d+")
_BUCKETS_IN_HOSTS_ONLY = (".aliyuncs.com", ".myqcloud.com")
"""Endpoints that reject a bucket in the path: Alibaba OSS, and Tencent COS for buckets since 2024. The rule of
botocore, the path for every configured endpoint, fails there."""


def has_standard_endpoint(region: str) -> bool:
    """Return whether Amazon's endpoints of ``region`` are made by the rules of :func:`address_of`."""
    return _PLAIN_REGION.fullmatch(region) is not None


_SPECIAL_BUCKETS = re.compile(r"arn:.*|.*--[a-z0-9]+-s3", re.DOTALL)
"""Access points by ARN, and names that end as those of directory buckets (``--x-s3``) and of their access points
(``--xa-s3``). Also those of access points on Outposts (``--op-s3``), and of kinds to come."""


def has_static_rules(settings: EndpointSettings, bucket: str, learned: str | None) -> bool:
    """Return whether :func:`address_of` knows where ``bucket`` lives; names of other kinds have rules of their own."""
    if _SPECIAL_BUCKETS.fullmatch(bucket) is not None:
        return False
    return learned is None or settings.endpoint_url is not None or has_standard_endpoint(learned)


def is_aws(endpoint_url: str | None) -> bool:
    """Return whether an endpoint is one of Amazon's; None is."""
    return endpoint_url is None or f".{urlsplit(endpoint_url).hostname}".endswith(AMAZON_DOMAINS)


def addressing_style_for(endpoint_url: str | None, style: AddressingStyle) -> AddressingStyle:
    """Return how buckets are named at an endpoint: ``style``, ``auto`` as ``virtual`` where that alone is taken."""
    if style != "auto" or endpoint_url is None:
        return style
    return "virtual" if f".{urlsplit(endpoint_url).hostname}".endswith(_BUCKETS_IN_HOSTS_ONLY) else style


def address_of(settings: EndpointSettings, bucket: str, learned: str | None = None) -> BucketAddress:
    """Say where requests for ``bucket`` go, by botocore's rules for S3 endpoints.

    ``learned`` is the region that a server has named, in the place of the one that is set.
    """
    region = learned or settings.region
    if settings.endpoint_url is None:
        is_global = settings.region == region == "us-east-1"  # a session of another region does not use it
        host = "s3.amazonaws.com" if is_global else f"s3.{region}.amazonaws.com"
        in_host = settings.addressing_style != "path" and _fits_host(bucket, "https")
        base = f"https://{bucket}.{host}/" if in_host else f"https://{host}/{bucket}"
        return BucketAddress(base, region, SIGV4)
    scheme, authority, path, *_ = urlsplit(settings.endpoint_url)
    path = path.rstrip("/")
    host = urlsplit(settings.endpoint_url).hostname or ""
    is_address = bool(_IPV4.fullmatch(host)) or ":" in host
    style = addressing_style_for(settings.endpoint_url, settings.addressing_style)
    if style == "virtual" and not is_address and _fits_host(bucket, scheme):
        return BucketAddress(f"{scheme}://{bucket}.{authority}{path}/", region, SIGV4)
    return BucketAddress(f"{scheme}://{authority}{path}/{bucket}", region, SIGV4)


def _fits_host(bucket: str, scheme: str) -> bool:
    """Return whether the bucket can be part of a host name; certificates for ``*.host`` cover one label only."""
    labels = [bucket] if scheme == "https" else bucket.split(".")
    is_name = len(bucket) >= _MIN_VIRTUAL_HOST_LENGTH and not _IPV4.fullmatch(bucket)
    return is_name and all(_HOST_LABEL.fullmatch(label) for label in labels)
