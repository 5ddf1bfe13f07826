"""Servers of others than Amazon may have regions as well, and reject headers about checksums there."""

from __future__ import annotations

import re

import pytest

import aios3
from scripted import Scripted, response, xml

KEYS = aios3.Credentials("AKID", "nobody-may-see-this")
SIGNED_FOR = re.compile(r"Credential=[^/]+/\d{8}/([^/]+)/")


class Vendor:
    """One bucket in the region ``home``, with the object "key"."""

    def __init__(self, home: str | None, *, rejects_header: bool, status: int = 301) -> None:
        self.home = home
        self.rejects_header = rejects_header
        self.status = status

    async def act(self, request, _reader, writer) -> None:
        """Respond to one request, and hang up."""
        writer.write(self.response(request))
        await writer.drain()

    def response(self, request) -> bytes:
        signed = SIGNED_FOR.search(request.headers["authorization"])[1]
        if signed != self.home:
            named = {} if self.home is None else {"x_amz_bucket_region": self.home}
            return self.rejected(request, self.status, "PermanentRedirect", **named)
        if self.rejects_header and "x-amz-checksum-mode" in request.headers:
            return self.rejected(request, 400, "InvalidArgument")
        path = request.target.partition("?")[0]
        if path not in {"/bucket", "/bucket/", "/bucket/key"}:
            return self.rejected(request, 404, "NoSuchKey")
        if request.method == "HEAD":
            return response(200, content_length="4", etag='"e"', connection="close")
        return response(200, b"data", etag='"e"', connection="close")

    def rejected(self, request, status, code, **headers) -> bytes:
        body = b"" if request.method == "HEAD" else xml("Error", Code=code, Message="rejected")
        return response(status, body, connection="close", **headers)


VERBS = {
    "stat": lambda session: aios3.lstat("s3://bucket/key", session=session),
    "exists": lambda session: aios3.isfile("s3://bucket/key", session=session),
    "read": lambda session: aios3.read_bytes("s3://bucket/key", session=session),
}


@pytest.mark.parametrize("transport", ["auto", "aiobotocore"])
@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("rejects_header", [True, False], ids=["header rejected", "header taken"])
@pytest.mark.parametrize("status", [301, 307])
async def test_a_bucket_elsewhere_is_found_though_the_header_is_rejected_there(verb, rejects_header, status, transport):
    vendor = Vendor("region-2", rejects_header=rejects_header, status=status)
    async with Scripted(*[vendor.act] * 40) as server:
        options = {"endpoint_url": server.url, "region": "region-1", "credentials": KEYS, "max_attempts": 1}
        async with aios3.Session(**options, transport=transport) as session:
            assert await VERBS[verb](session)
            server.requests.clear()
            for each in VERBS.values():
                assert await each(session)
        assert [request for request in server.requests if b" 301 " in vendor.response(request)] == []


@pytest.mark.parametrize("transport", ["auto", "aiobotocore"])
@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("names", [True, False])
async def test_a_bucket_that_is_nowhere_is_called_so(verb, names, transport):
    vendor = Vendor("region-9" if names else None, rejects_header=True)
    if names:
        vendor.response = lambda request: vendor.rejected(
            request, 301, "PermanentRedirect", x_amz_bucket_region="region-9"
        )
    async with Scripted(*[vendor.act] * 40) as server:
        options = {"endpoint_url": server.url, "region": "region-1", "credentials": KEYS, "max_attempts": 1}
        async with aios3.Session(**options, transport=transport) as session:
            with pytest.raises(
                aios3.RequestError, match="region-9" if names else "elsewhere than in region 'region-1'"
            ):
                await VERBS[verb](session)
