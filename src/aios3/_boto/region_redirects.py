"""Requests follow a bucket into the region in which the server says that it is; see :mod:`aios3._regions`."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from aios3._boto.endpoint_probe import is_internal_request
from aios3._observe import record_sent
from aios3._regions import RegionSearch
from aios3._rejections import is_unexplained
from aios3.errors import S3Error

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from aios3._boto.boto_responses import BotoResponse
    from aios3._boto.client_source import ClientSource
    from aios3._paths import S3Url
    from aios3._regions import BucketRegions

T = TypeVar("T")

_WITHOUT_ASKING = frozenset({"HeadBucket", "CreateBucket", "ListBuckets"})
"""Operations whose rejection is not followed by asking the bucket for its region."""


class RegionRedirector:
    """Sends requests to buckets of ``client``, and again to the region where they are.

    ``head(url)`` sends a HeadBucket; ``moved(bucket)`` is called for a bucket in another region.
    """

    def __init__(
        self,
        client: ClientSource,
        regions: BucketRegions,
        head: Callable[[S3Url], Awaitable[BotoResponse]],
        moved: Callable[[str], Awaitable[object]] | None,
    ) -> None:
        self._client = client
        self._regions = regions
        self._head = head
        self._moved = moved

    async def send(
        self,
        operation: str,
        url: S3Url,
        send: Callable[[], Awaitable[T]],
        renew: Callable[[S3Error], Awaitable[bool]],
    ) -> T:
        """Return what ``send`` returns; again in another region, if the server says that the bucket is there.

        And once more if ``renew(error)`` says that a rejection was of credentials that are replaced now.
        """
        search: RegionSearch | None = None
        has_renewed = False
        while True:
            learned = self._regions.get(url.bucket)
            try:
                result = await send()
            except S3Error as error:
                search = search or RegionSearch(self._regions, url.bucket)
                ask = await self._asking(operation, url, search, error, renew)
                region = await self._next_region(url, search, error, learned, ask)
                if region is None:
                    if not has_renewed and await renew(error):
                        has_renewed = True
                        continue
                    if search.is_lost(error):
                        client = await self._client.get()
                        raise search.failure(error, client.meta.endpoint_url) from error
                    raise
            else:
                self._regions.confirm(url.bucket)
                return result
            if self._regions.get(url.bucket) == learned:  # else another request has learnt it meanwhile
                self._regions.set(url.bucket, region)
                if self._moved is not None:
                    await self._moved(url.bucket)

    async def _next_region(
        self,
        url: S3Url,
        search: RegionSearch,
        error: S3Error,
        learned: str | None,
        ask: Callable[[], Awaitable[str | None]] | None,
    ) -> str | None:
        """Return the region to send the rejected request to; None if there is none."""
        if error.status is None:
            self._regions.discard_unconfirmed(url.bucket)
            return None
        if not url.bucket:
            return None  # botocore signs what has no bucket for the region of its client
        if error.operation == "CreateBucket" and error.code == "IllegalLocationConstraintException":
            return None  # the bucket is nowhere yet: the region that is asked for it is what is wrong
        client = await self._client.get()
        return await search.next_region(error, learned or client.meta.region_name, ask)

    async def _asking(
        self,
        operation: str,
        url: S3Url,
        search: RegionSearch,
        error: S3Error,
        renew: Callable[[S3Error], Awaitable[bool]],
    ) -> Callable[[], Awaitable[str | None]] | None:
        """Return the function that asks the bucket for its region after ``error``; None if that adds nothing new.

        Servers of others than Amazon respond with 400 to a HEAD for many reasons, and most have one region. They are
        asked if they have sent this request to another.
        """
        if error.status is None or operation in _WITHOUT_ASKING:
            return None
        if not is_unexplained(error):
            return lambda: self._ask(url, renew)
        is_telling = search.is_on_its_way or await self._client.is_aws()
        return (lambda: self._ask(url, None)) if is_telling else None

    async def _ask(self, url: S3Url, renew: Callable[[S3Error], Awaitable[bool]] | None) -> str | None:
        """Ask the bucket for its region; ``renew`` credentials for that, where the rejected request does not."""
        try:
            response = await self._head(url)
        except S3Error as error:
            if renew is None or error.bucket_region is not None or not await renew(error):
                raise
            response = await self._head(url)
        region: str | None = response["ResponseMetadata"]["HTTPHeaders"].get("x-amz-bucket-region")
        return region


async def send_internal(call: Callable[..., Awaitable[BotoResponse]], parameters: Mapping[str, object]) -> BotoResponse:
    """Send one internal request, whose redirects botocore ignores."""
    record_sent("aiobotocore")
    token = is_internal_request.set(True)
    try:
        return await call(**parameters)
    finally:
        is_internal_request.reset(token)
