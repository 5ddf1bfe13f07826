"""Requests follow a bucket into the region in which the server says that it is; see :mod:`aios3._regions`."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from aios3._boto.whereabouts import own_request
from aios3._observe import sending
from aios3._refusals import says_nothing
from aios3._regions import Search
from aios3.errors import S3Error

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from aios3._boto.answers import Answer
    from aios3._boto.client import ClientSource
    from aios3._paths import S3Url
    from aios3._regions import Regions

T = TypeVar("T")

_WITHOUT_ASKING = frozenset({"HeadBucket", "CreateBucket"})
"""Operations whose refusal is not followed by asking the bucket for its region."""


class Following:
    """What is sent to buckets of ``client``, and again where they are.

    ``head(url)`` sends a HeadBucket; ``moved(bucket)`` is told of a bucket in another region.
    """

    def __init__(
        self,
        client: ClientSource,
        regions: Regions,
        head: Callable[[S3Url], Awaitable[Answer]],
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

        And once more if ``renew(error)`` says that a refusal was of credentials that are replaced now.
        """
        search: Search | None = None
        has_renewed = False
        while True:
            learnt = self._regions.of(url.bucket)
            try:
                result = await send()
            except S3Error as error:
                search = search or Search(self._regions, url.bucket)
                ask = await self._asking(operation, url, search, error, renew)
                region = await self._next_region(url, search, error, learnt, ask)
                if region is None:
                    if not has_renewed and await renew(error):
                        has_renewed = True
                        continue
                    if search.is_lost(error):
                        client = await self._client.get()
                        raise search.failure(error, client.meta.endpoint_url) from error
                    raise
            else:
                self._regions.prove(url.bucket)
                return result
            if self._regions.of(url.bucket) == learnt:  # else another request has learnt it meanwhile
                self._regions.learn(url.bucket, region)
                if self._moved is not None:
                    await self._moved(url.bucket)

    async def _next_region(
        self,
        url: S3Url,
        search: Search,
        error: S3Error,
        learnt: str | None,
        ask: Callable[[], Awaitable[str | None]] | None,
    ) -> str | None:
        """Return the region to send the refused request to; None if there is none."""
        if error.status is None:
            self._regions.give_up(url.bucket)
            return None
        if error.operation == "CreateBucket" and error.code == "IllegalLocationConstraintException":
            return None  # the bucket is nowhere yet: the region that is asked for it is what is wrong
        client = await self._client.get()
        return await search.next_region(error, learnt or client.meta.region_name, ask)

    async def _asking(
        self, operation: str, url: S3Url, search: Search, error: S3Error, renew: Callable[[S3Error], Awaitable[bool]]
    ) -> Callable[[], Awaitable[str | None]] | None:
        """Return what asks the bucket for its region after ``error``; None where that would tell nothing new.

        Servers of others than Amazon answer 400 to a HEAD for many reasons, and most have one region. They are asked
        if they have sent this request to another.
        """
        if error.status is None or operation in _WITHOUT_ASKING:
            return None
        if not says_nothing(error):
            return lambda: self._ask(url, renew)
        is_telling = search.is_on_its_way or await self._client.at_amazon()
        return (lambda: self._ask(url, None)) if is_telling else None

    async def _ask(self, url: S3Url, renew: Callable[[S3Error], Awaitable[bool]] | None) -> str | None:
        """Ask the bucket for its region; ``renew`` credentials for that, where the refused request does not."""
        try:
            answer = await self._head(url)
        except S3Error as error:
            if renew is None or error.bucket_region is not None or not await renew(error):
                raise
            answer = await self._head(url)
        region: str | None = answer["ResponseMetadata"]["HTTPHeaders"].get("x-amz-bucket-region")
        return region


async def sent(call: Callable[..., Awaitable[Answer]], parameters: Mapping[str, object]) -> Answer:
    """Send one request of ours, whose redirects are not botocore's business."""
    sending("aiobotocore")
    token = own_request.set(True)
    try:
        return await call(**parameters)
    finally:
        own_request.reset(token)
