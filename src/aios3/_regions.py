"""In which region each bucket is, as servers say it in what they refuse; both backends of a profile learn together.

S3 answers a request in the wrong region with 301, 307 or 400, and names the right one in the header
``x-amz-bucket-region`` or in the document ("Request redirection and the REST API", Amazon S3 user guide). Only the name
of a region is ever taken from an answer, never a host: that would be sent the next request, signed.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from aios3._endpoint_url import AMAZON_DOMAINS
from aios3._paths import is_arn
from aios3._refusals import is_bare, says_nothing
from aios3._shared import SharedCall
from aios3.errors import S3Error

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

_MOVED = frozenset({301, 302, 307})
_BAD_REQUEST = 400
_ELSEWHERE = frozenset(
    {
        "AuthorizationHeaderMalformed",
        "AuthorizationQueryParametersError",
        "IllegalLocationConstraintException",
        "IncorrectEndpoint",
        "PermanentRedirect",
        "TemporaryRedirect",
    }
)
_MOST_PLACES = 3
"""Where one request is sent at most: as configured, where a first answer says, and where that place says."""

_REGION = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_DOMAINS = "|".join(map(re.escape, AMAZON_DOMAINS))
_ENDPOINT = re.compile(rf"(?:.*\.)?s3[.-](?:dualstack\.)?([a-z]{{2,}}(?:-[a-z]+)+-\d+)(?:{_DOMAINS})")


def region_named(header: str | None, region: str | None, endpoint: str | None) -> str | None:
    """Return the region that a refusal names, if that can be one: in its header, or in its document's elements."""
    within = _ENDPOINT.fullmatch(endpoint) if endpoint else None
    named = header or region or (within[1] if within else None)
    return named if named and _REGION.fullmatch(named) else None


def is_elsewhere(error: S3Error) -> bool:
    """Tell whether a refusal says that the bucket is in another region."""
    return error.status in _MOVED or (error.status == _BAD_REQUEST and error.code in _ELSEWHERE)


class _Told(NamedTuple):
    """What a bucket has answered when it was asked for its region."""

    region: str | None
    is_here: bool = False
    """Whether it has answered in the region where it was asked, instead of refusing."""


class Regions:
    """The regions that servers have named, by bucket, for one profile."""

    def __init__(self) -> None:
        self._learnt: dict[str, str] = {}
        self._answers: dict[str, dict[str, _Told]] = {}
        self._asking: dict[str, SharedCall[_Told]] = {}
        self._unproven: set[str] = set()

    def of(self, bucket: str) -> str | None:
        """Return the region in which a server has said that ``bucket`` is; None if it was not in question."""
        return self._learnt.get(bucket)

    def learn(self, bucket: str, region: str) -> None:
        """Note that ``bucket`` is said to be in ``region``."""
        self._learnt[bucket] = region
        self._unproven.add(bucket)

    def prove(self, bucket: str) -> None:
        """Note that ``bucket`` has answered where it is thought to be."""
        self._unproven.discard(bucket)

    def give_up(self, bucket: str) -> None:
        """Forget the region of ``bucket``, if nobody knows more of it than that somebody has said so."""
        if bucket in self._unproven:
            self.forget(bucket)

    def forget(self, bucket: str) -> None:
        """Note that what was learnt of ``bucket`` has not helped."""
        self._unproven.discard(bucket)
        self._learnt.pop(bucket, None)
        self._answers.pop(bucket, None)

    async def asked(self, bucket: str, used: str, ask: Callable[[], Awaitable[str | None]]) -> _Told:
        """Return what ``ask``, sent to the region ``used``, says of ``bucket``, or how it is refused.

        All who want to know share it. A refusal without a code may be of the token, and is not kept: the bucket is
        asked again with another.
        """

        async def answer() -> _Told:
            answers = self._answers.setdefault(bucket, {})
            if used in answers:
                return answers[used]
            try:
                told = _Told(await ask(), is_here=True)
            except S3Error as error:
                if error.status is None:
                    raise
                told = _Told(error.bucket_region)
                if told.region is None and is_bare(error) and not is_elsewhere(error):
                    return told
            answers[used] = told
            return told

        return await self._asking.setdefault(bucket, SharedCall()).result(answer)


class Search:
    """One request's search for the region of its ``bucket``, from its first refusal on."""

    def __init__(self, regions: Regions, bucket: str) -> None:
        self._regions = regions
        self._bucket = bucket
        self._tried: list[str] = []
        self._moves = 0
        self._told: str | None = None
        self._first: S3Error | None = None

    async def next_region(
        self, error: S3Error, used: str, ask: Callable[[], Awaitable[str | None]] | None
    ) -> str | None:
        """Return the region to send the request to that was refused in ``used``; None if ``error`` names no other.

        ``ask`` asks the server for the bucket's region, where an answer leaves it open; None if it must not be asked.
        The name of an access point (an ARN) says its region itself.
        """
        is_certain = is_elsewhere(error)
        if is_arn(self._bucket) or not (is_certain or says_nothing(error)):
            return None
        region = error.bucket_region
        if region is None and ask is not None:
            region, is_here = await self._regions.asked(self._bucket, used, ask)
            if is_here and not is_certain:
                self._first = None  # it is found, and what was refused is something else
        if is_certain:
            self._first, self._told = self._first or error, self._told or region
        self._tried.append(used)
        if region is None or region in self._tried or self._moves == _MOST_PLACES - 1:
            return None
        self._moves += 1
        return region

    @property
    def is_on_its_way(self) -> bool:
        """True once the server has sent the request to another region: then a bare 400 may mean that again."""
        return self._first is not None

    def is_lost(self, error: S3Error) -> bool:
        """Tell whether the last ``error`` means that the bucket was not found in any region."""
        return self._first is not None and (is_elsewhere(error) or says_nothing(error))

    def failure(self, error: S3Error, origin: str) -> S3Error:
        """Return what to raise after the last ``error``: the first one with the truth, if the bucket was not found.

        ``origin`` is scheme and host that the last request went to.
        """
        if self._first is None or not self.is_lost(error):
            return error
        self._regions.forget(self._bucket)
        used = self._tried[0]
        if self._told in {None, used}:
            return self._first.explained(
                f"the bucket is elsewhere than in region {used!r} at {origin}, and the server does not say where; "
                "set region= to the bucket's region, and leave endpoint_url out or name that region's endpoint"
            )
        return self._first.explained(
            f"the bucket is in region {self._told!r}, and the request was for region {used!r} at {origin}; "
            f"set region={self._told!r}, and leave endpoint_url out or name that region's endpoint"
        )
