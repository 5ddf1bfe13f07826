"""One request, whatever the server teaches on the way: its region, its clock, that credentials have expired."""

from __future__ import annotations

import email.utils
import time
from dataclasses import replace

import pytest

from aios3 import Credentials
from aios3._backend import BucketAddress, GetOptions, PutOptions
from aios3._credentials import CredentialCache, Signer
from aios3._http import requests
from aios3._http.endpoint_cache import EndpointCache
from aios3._http.pool import Pool
from aios3._http.request_sender import RequestSender
from aios3._http.signing_context import SigningContext
from aios3._paths import S3Url
from aios3._regions import BucketRegions
from aios3._s3_constants import SIGV4
from aios3.errors import (
    ConnectionFailedError,
    CredentialsError,
    RequestError,
    RequestTimeoutError,
    ServerError,
    UnsupportedError,
)
from scripted import Scripted, response, xml

URL = S3Url("bucket", "key")
GET = requests.get_object(URL, start=0, stop=10, options=GetOptions())


class Service:
    """Exchanges with a scripted server, and what they asked of the rest of the program."""

    def __init__(self, server, *, credentials=None, algorithm=SIGV4, seconds=5.0):
        self._credentials = credentials or [Credentials("FIRST", "s")]
        self._address = BucketAddress(f"{server.url}/bucket", "us-east-1", algorithm)
        self._seconds = seconds
        self.renewals = 0
        self.pools = []
        self.regions = BucketRegions()
        credential_cache = CredentialCache(self.ask)
        self.exchanges = RequestSender(
            EndpointCache(self.locate, self.connect, self.regions), SigningContext(credential_cache), "auto"
        )

    async def locate(self, bucket):
        return replace(self._address, region=self.regions.get(bucket) or self._address.region)

    async def ask(self, kind):
        if kind is not None:
            self.renewals += 1
            self._credentials.pop(0)
        return Signer(self._credentials[0], "test")

    async def connect(self, scheme, host, port):
        self.pools.append(Pool(host, port, connect_seconds=self._seconds, first_byte_seconds=self._seconds))
        return self.pools[-1]

    async def get(self, request=GET, **options):
        found = await self.exchanges.send(request, **options)
        return await found.read(request)

    async def aclose(self):
        for pool in self.pools:
            await pool.aclose()


def rejection(status, code, **headers):
    return response(status, xml("Error", Code=code, Message="said so"), **headers)


def scope(request):
    """The access key and the region that a request was signed with."""
    key, _, region, *_ = request.headers["authorization"].partition("Credential=")[2].split("/")
    return key, region


@pytest.mark.parametrize(
    "moved",
    [
        response(301, x_amz_bucket_region="eu-west-3"),
        rejection(301, "PermanentRedirect", x_amz_bucket_region="eu-west-3"),
        response(
            400, xml("Error", Code="AuthorizationHeaderMalformed", Message="the region is wrong", Region="eu-west-3")
        ),
    ],
)
async def test_a_bucket_elsewhere_is_asked_there_and_the_region_kept(moved):
    async with Scripted(moved, response(206, b"x"), response(206, b"y")) as server:
        service = Service(server)
        assert await service.get() == b"x"
        assert await service.get() == b"y"
        await service.aclose()
    assert [scope(request)[1] for request in server.requests] == ["us-east-1", "eu-west-3", "eu-west-3"]


async def test_a_bucket_that_is_said_to_be_elsewhere_for_ever_is_asked_in_three_places():
    moved = [response(301, x_amz_bucket_region=region) for region in ("a-1", "b-1", "c-1")]
    async with Scripted(*moved, response(206, b"x")) as server:
        service = Service(server)
        with pytest.raises(RequestError, match="is in region 'a-1', and the request was for region 'us-east-1'"):
            await service.get()
        assert await service.get() == b"x"
        await service.aclose()
    assert [scope(request)[1] for request in server.requests] == ["us-east-1", "a-1", "b-1", "us-east-1"]


async def test_a_redirect_never_takes_the_credentials_to_another_host():
    async with Scripted(reading=True) as other:
        away = response(307, location=f"{other.url}/bucket/key", x_amz_bucket_region="eu-west-3")
        async with Scripted(away, response(206, b"x")) as server:
            service = Service(server)
            assert await service.get() == b"x"
            await service.aclose()
        assert other.requests == []


@pytest.mark.parametrize("code", ["ExpiredToken", "InvalidToken"])
async def test_expired_credentials_are_renewed_once_and_the_request_sent_again(code):
    async with Scripted(rejection(400, code), response(206, b"x")) as server:
        service = Service(server, credentials=[Credentials("FIRST", "s", "t"), Credentials("SECOND", "s", "u")])
        assert await service.get() == b"x"
        assert service.renewals == 1
        await service.aclose()
    assert [scope(request)[0] for request in server.requests] == ["FIRST", "SECOND"]
    assert server.requests[1].headers["x-amz-security-token"] == "u"


async def test_credentials_that_cannot_be_renewed_are_rejected_at_once():
    async with Scripted(rejection(400, "ExpiredToken")) as server:
        service = Service(server, credentials=[Credentials("SAME", "s")] * 2)
        with pytest.raises(CredentialsError, match="expired"):
            await service.get()
        await service.aclose()
    assert len(server.requests) == 1


async def test_a_wrong_clock_is_set_by_the_servers_date():
    there = time.time() + 3600
    skewed = rejection(403, "RequestTimeTooSkewed", date=email.utils.formatdate(there, usegmt=True))
    async with Scripted(skewed, response(206, b"x")) as server:
        service = Service(server)
        assert await service.get() == b"x"
        assert 3590 < service.exchanges.signing.clock.clock_skew < 3610
        await service.aclose()
    first, second = (request.headers["x-amz-date"] for request in server.requests)
    assert first < second


@pytest.mark.parametrize("date", [{}, {"date": "yesterday"}])
async def test_a_wrong_clock_that_nothing_corrects_is_an_error(date):
    async with Scripted(rejection(403, "RequestTimeTooSkewed", **date)) as server:
        service = Service(server)
        with pytest.raises(CredentialsError, match="clock"):
            await service.get()
        await service.aclose()


async def test_what_is_not_signed_carries_no_signature():
    async with Scripted(response(206, b"x")) as server:
        service = Service(server, credentials=[None], algorithm=None)
        assert await service.get() == b"x"
        await service.aclose()
    assert "authorization" not in server.requests[0].headers


async def test_an_unsupported_signature_version_is_rejected_before_a_request():
    async with Scripted(response(206, b"x")) as server:
        service = Service(server, algorithm="AWS4-ECDSA-P256-SHA256")
        with pytest.raises(UnsupportedError, match="AWS4-ECDSA"):
            await service.get()
        await service.aclose()
    assert server.requests == []


async def cut_short(_request, _reader, writer):
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Le")


@pytest.mark.parametrize(
    ("script", "error"),
    [
        ([], ConnectionFailedError),
        ([cut_short], ConnectionFailedError),
        ([b"SSH-2.0-OpenSSH_9\r\n"], ServerError),
        ([rejection(500, "InternalError")], ServerError),
    ],
)
async def test_a_transport_error_names_operation_path_and_origin(script, error):
    async with Scripted(*script) as server:
        service = Service(server)
        with pytest.raises(error, match="GetObject s3://bucket/key") as caught:
            await service.get()
        assert caught.value.path == "s3://bucket/key"
        assert caught.value.operation == "GetObject"
        assert service.pools[0].idle in {0, 1}
        await service.aclose()


async def test_a_server_that_sends_nothing_is_a_timeout():
    async def nothing(_request, reader, _writer):
        await reader.read()

    async with Scripted(nothing) as server:
        service = Service(server, seconds=0.05)
        with pytest.raises(RequestTimeoutError, match="did not respond"):
            await service.get()
        await service.aclose()


async def test_a_long_page_of_an_error_costs_no_memory_and_hides_nothing():
    page = response(503, b"<html>" + b"x" * (1 << 20))
    async with Scripted(page) as server:
        service = Service(server)
        with pytest.raises(ServerError, match="503"):
            await service.get()
        await service.aclose()


@pytest.mark.parametrize(
    ("signing", "size", "hashed"), [("auto", 10, True), ("always", 2 << 20, True), ("never", 10, False)]
)
async def test_bodies_are_part_of_the_signature_as_configured(signing, size, hashed):
    put = requests.upload_part(URL, "id", 1, [bytes(size)], options=PutOptions(), checksum=None)
    async with Scripted(response(200, etag='"e"')) as server:
        service = Service(server)
        service.exchanges = RequestSender(service.exchanges.endpoints, service.exchanges.signing, signing)
        await service.get(put)
        await service.aclose()
    assert (server.requests[0].headers["x-amz-content-sha256"] != "UNSIGNED-PAYLOAD") == hashed
