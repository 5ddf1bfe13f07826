"""In which region each bucket is, as servers say it in what they reject; both backends of a profile learn together.

S3 responds to a request in the wrong region with 301, 307 or 400. The header ``x-amz-bucket-region`` or the document
names the right one ("Request redirection and the REST API", Amazon S3 user guide). Only the name of a region is ever
taken from a response, never a host: that would be sent the next request, signed.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from aios3._endpoint_url import AMAZON_DOMAINS
from aios3._paths import is_arn
from aios3._rejections import has_no_code, is_unexplained
from aios3._shared_call import SharedCall
from aios3.errors import S3Error

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

_REDIRECT_STATUSES = frozenset({301, 302, 307})
_BAD_REQUEST = 400
_WRONG_REGION_CODES = frozenset(
    {
        "AuthorizationHeaderMalformed",
        "AuthorizationQueryParametersError",
        "IllegalLocationConstraintException",
        "IncorrectEndpoint",
        "PermanentRedirect",
        "TemporaryRedirect",
    }
)
_MAX_REGIONS_TRIED = 3
"""Where one request is sent at most: as configured, where a first response says, and where that server says."""

_REGION = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_DOMAINS = "|".join(map(re.escape, AMAZON_DOMAINS))
_ENDPOINT = rf"(?:.*\.)?s3[.-](?:dualstack\.)?([a-z]{{2,}}(?:-[a-z]+)+-\d+)(?:{_DOMAINS})"


def parse_region(header: str | None, region: str | None, endpoint: str | None) -> str | None:
    """Return the region that a rejection names, if that can be one: in its header, or in its document's elements."""
    within = re.fullmatch(_ENDPOINT, endpoint) if endpoint else None
    named = header or region or (within[1] if within else None)
    return named if named and _REGION.fullmatch(named) else None


def is_wrong_region(error: S3Error) -> bool:
    """Return whether a rejection says that the bucket is in another region."""
    return error.status in _REDIRECT_STATUSES or (error.status == _BAD_REQUEST and error.code in _WRONG_REGION_CODES)


class _RegionProbe(NamedTuple):
    """A bucket's response to the question for its region."""

    region: str | None
    is_here: bool = False
    """True if it has responded in the region where it was asked, instead of rejecting."""


class BucketRegions:
    """The regions that servers have named, by bucket, for one profile."""

    def __init__(self) -> None:
        self._regions: dict[str, str] = {}
        self._responses: dict[str, dict[str, _RegionProbe]] = {}
        self._probing: dict[str, SharedCall[_RegionProbe]] = {}
        self._unconfirmed: set[str] = set()

    def get(self, bucket: str) -> str | None:
        """Return the region in which a server has said that ``bucket`` is; None if it was not in question."""
        return self._regions.get(bucket)

    def set(self, bucket: str, region: str) -> None:
        """Note that ``bucket`` is said to be in ``region``."""
        self._regions[bucket] = region
        self._unconfirmed.add(bucket)

    def confirm(self, bucket: str) -> None:
        """Note that ``bucket`` has responded where it is thought to be."""
        self._unconfirmed.discard(bucket)

    def discard_unconfirmed(self, bucket: str) -> None:
        """Forget the region of ``bucket`` unless it was confirmed."""
        if bucket in self._unconfirmed:
            self.discard(bucket)

    def discard(self, bucket: str) -> None:
        """Note that what was learnt of ``bucket`` has not helped."""
        self._unconfirmed.discard(bucket)
        self._regions.pop(bucket, None)
        self._responses.pop(bucket, None)

    async def probe(self, bucket: str, used: str, ask: Callable[[], Awaitable[str | None]]) -> _RegionProbe:
        """Return what ``ask``, sent to the region ``used``, says of ``bucket``, or how it is rejected.

        All who want to know share it. A rejection without a code may be of the token, and is not kept: the bucket is
        asked again with another.
        """

        async def response() -> _RegionProbe:
            responses = self._responses.setdefault(bucket, {})
            if used in responses:
                return responses[used]
            try:
                probe = _RegionProbe(await ask(), is_here=True)
            except S3Error as error:
                if error.status is None:
                    raise
                probe = _RegionProbe(error.bucket_region)
                if probe.region is None and has_no_code(error) and not is_wrong_region(error):
                    return probe
            responses[used] = probe
            return probe

        return await self._probing.setdefault(bucket, SharedCall()).result(response)


class RegionSearch:
    """One request's search for the region of its ``bucket``, from its first rejection on."""

    def __init__(self, regions: BucketRegions, bucket: str) -> None:
        self._regions = regions
        self._bucket = bucket
        self._tried: list[str] = []
        self._moves = 0
        self._named_region: str | None = None
        self._first_error: S3Error | None = None

    async def next_region(
        self, error: S3Error, used: str, ask: Callable[[], Awaitable[str | None]] | None
    ) -> str | None:
        """Return the region to send the request to that was rejected in ``used``; None if ``error`` names no other.

        ``ask`` asks the server for the bucket's region, where a response leaves it open; None if it must not be asked.
        The name of an access point (an ARN) says its region itself.
        """
        is_certain = is_wrong_region(error)
        if is_arn(self._bucket) or not (is_certain or is_unexplained(error)):
            return None
        region = error.bucket_region
        if region is None and ask is not None:
            region, is_here = await self._regions.probe(self._bucket, used, ask)
            if is_here and not is_certain:
                self._first_error = None  # it is found, and what was rejected is something else
        if is_certain:
            self._first_error, self._named_region = self._first_error or error, self._named_region or region
        self._tried.append(used)
        if region is None or region in self._tried or self._moves == _MAX_REGIONS_TRIED - 1:
            return None
        self._moves += 1
        return region

    @property
    def is_on_its_way(self) -> bool:
        """True once the server has sent the request to another region: then a bare 400 may mean that again."""
        return self._first_error is not None

    def is_lost(self, error: S3Error) -> bool:
        """Return whether the last ``error`` means that the bucket was not found in any region."""
        return self._first_error is not None and (is_wrong_region(error) or is_unexplained(error))

    def failure(self, error: S3Error, origin: str) -> S3Error:
        """Return what to raise after the last ``error``: the first one with the truth, if the bucket was not found.

        ``origin`` is scheme and host that the last request went to.
        """
        if self._first_error is None or not self.is_lost(error):
            return error
        self._regions.discard(self._bucket)
        used = self._tried[0]
        if self._named_region in {None, used}:
            return self._first_error.explained(
                f"the bucket is elsewhere than in region {used!r} at {origin}, and the server does not say where; "
                "set region= to the bucket's region, and leave endpoint_url out or name that region's endpoint"
            )
        return self._first_error.explained(
            f"the bucket is in region {self._named_region!r}, and the request was for region {used!r} at {origin}; "
            f"set region={self._named_region!r}, and leave endpoint_url out or name that region's endpoint"
        )
