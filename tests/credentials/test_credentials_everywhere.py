"""One copy of the credentials, whoever signs: a rejection is learnt from once for all, also that of a HEAD."""

from __future__ import annotations

import asyncio
import dataclasses
from collections import Counter
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest
from credential_drivers import DATA, PATH
from credential_sources import SOURCES, use_callback, use_instance, use_role, use_web_identity

import aios3
from servers.accounts import SECRET
from servers.amazon_objects import Object, rejection

if TYPE_CHECKING:
    from credential_sources import Place

TRANSPORTS = ["auto", "aiobotocore"]


def signed(place: Place) -> set[str | None]:
    """Who has signed the requests that S3 got."""
    return {each.access_key for each in place.accounts.amazon.requests}


def newest(place: Place) -> str:
    return place.accounts.given[-1].access_key


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("source", SOURCES)
async def test_requests_signed_urls_and_clients_have_the_same_credentials(place: Place, source, transport):
    SOURCES[source](place)
    async with aios3.Session(**place.options, transport=transport) as session:
        url = await aios3.presign(PATH, session=session)
        asked = place.count()
        for _ in range(2):
            await aios3.read_bytes(PATH, session=session)
            url = await aios3.presign(PATH, session=session)
            form = await aios3.presign_post(PATH, session=session)
            client = await aios3.get_s3_client(session=session)
            await client.head_object(Bucket="bucket", Key="key")
            assert parse_qs(urlsplit(url).query)["X-Amz-Credential"][0].startswith(newest(place))
            assert form.fields["x-amz-credential"].startswith(newest(place))
            assert place.accounts.amazon.requests[-1].access_key == newest(place)
            assert place.count() == asked
            place.accounts.void()
            place.rotate()
            await aios3.read_bytes(PATH, session=session)
            asked = place.count()


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("use", [use_callback, use_instance, use_web_identity, use_role])
@pytest.mark.parametrize("rejected", ["ExpiredToken", "InvalidToken", "InvalidAccessKeyId"])
async def test_a_write_in_parts_survives_the_end_of_its_token(place: Place, use, rejected, transport):
    use(place)
    keys, uploads = place.accounts.amazon.keys, Counter[str]()

    def end(asked) -> None:
        uploads[asked.method] += 1
        if uploads["PUT"] == 1 and asked.method == "PUT":
            given = place.accounts.given[-1].access_key
            if rejected == "ExpiredToken":
                place.accounts.void()
            elif rejected == "InvalidToken":
                keys[given] = dataclasses.replace(keys[given], session_token="nobody-may-see-another")
            else:
                del keys[given]

    place.accounts.amazon.on_request = end
    data = bytes(range(256)) * (12 << 12)
    async with aios3.Session(**place.options, transport=transport, part_size=5 << 20, request_size=1 << 20) as session:
        async with await aios3.aopen("s3://bucket/big", "wb", session=session) as file:
            await file.write(data)
        before = place.count()
        assert await aios3.read_bytes("s3://bucket/big", session=session) == data
    assert place.count() == before
    assert len(place.accounts.given) == 2


HEADS = {
    "stat": lambda session: aios3.stat(PATH, session=session),
    "exists": lambda session: aios3.exists(PATH, session=session),
    "isfile": lambda session: aios3.isfile(PATH, session=session),
    "bucket": lambda session: aios3.Bucket("s3://bucket", session=session).exists(),
}


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("verb", HEADS)
@pytest.mark.parametrize("rejected", ["expired", "forgotten"])
async def test_a_head_with_a_token_that_has_ended_is_sent_again_with_the_next(place: Place, verb, rejected, transport):
    use_callback(place)
    async with aios3.Session(**place.options, transport=transport) as session:
        await aios3.read_bytes(PATH, session=session)
        if rejected == "expired":
            place.accounts.void()
        else:
            del place.accounts.amazon.keys[newest(place)]
        results = await asyncio.gather(*[HEADS[verb](session) for _ in range(10)])
        assert all(results)
        assert place.count() == 2
        assert session.describe()


def asked_with_code(place: Place) -> list[str]:
    """The requests that were sent to be rejected with a code: they list one key, whichever it is."""
    targets = [each.target for each in place.accounts.amazon.requests]
    return [each for each in targets if "max-keys=1&" in f"{each}&" and "prefix=secret" not in each]


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_a_head_that_is_forbidden_asks_no_source_and_s3_once_a_minute(place: Place, transport):
    use_callback(place)
    place.accounts.amazon.buckets["bucket"].objects["secret"] = Object(b"x", '"etag"')
    place.accounts.amazon.on_request = lambda asked: (
        rejection(403, "AccessDenied", "Access Denied") if asked.key == "secret" else None
    )
    async with aios3.Session(**place.options, transport=transport) as session:
        for _ in range(10):
            with pytest.raises(aios3.AccessDeniedError) as caught:
                await aios3.stat("s3://bucket/secret", session=session)
            assert not isinstance(caught.value, aios3.CredentialsError)
        assert place.count() == 1
        assert len(asked_with_code(place)) == 1
        place.accounts.advance(61)
        with pytest.raises(aios3.AccessDeniedError):
            await aios3.stat("s3://bucket/secret", session=session)
        assert len(asked_with_code(place)) == 2


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_a_token_that_ends_under_heads_leaves_checksums_on(place: Place, transport):
    use_callback(place)
    async with aios3.Session(**place.options, transport=transport, checksums="crc32") as session:
        for _ in range(5):
            place.accounts.void()
            heads = [aios3.stat(PATH, session=session) for _ in range(5)]
            await asyncio.gather(*heads, *[aios3.read_bytes(PATH, session=session) for _ in range(5)])
        await aios3.write_bytes("s3://bucket/new", DATA, session=session)
    put = [each for each in place.accounts.amazon.requests if each.method == "PUT"][-1]
    assert "x-amz-checksum-crc32" in put.headers


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_an_unknown_permanent_key_is_not_refreshed(place: Place, transport):
    asked = []

    def ask() -> aios3.Credentials:
        asked.append(1)
        return aios3.Credentials("AKIAUNKNOWN", SECRET)

    async with aios3.Session(credentials=ask, transport=transport) as session:
        for _ in range(5):
            with pytest.raises(aios3.CredentialsError, match="InvalidAccessKeyId"):
                await aios3.read_bytes(PATH, session=session)
            with pytest.raises(aios3.AccessDeniedError):
                await aios3.stat(PATH, session=session)
    assert len(asked) == 1


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_a_server_that_takes_no_credentials_of_a_source_has_it_asked_twice(place: Place, transport):
    use_callback(place)
    async with aios3.Session(**place.options, transport=transport) as session:
        place.accounts.amazon.add_key = lambda *_args, **_options: None  # it learns of none from now on
        for _ in range(5):
            with pytest.raises(aios3.CredentialsError):
                await aios3.read_bytes(PATH, session=session)
    del place.accounts.amazon.add_key
    assert place.count() == 2


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_a_source_that_fails_after_a_rejection_is_asked_once_for_a_hundred_requests(place: Place, transport):
    use_callback(place)
    async with aios3.Session(**place.options, transport=transport) as session:
        await aios3.read_bytes(PATH, session=session)
        place.accounts.void()
        place.set_down(True)
        reads = [aios3.read_bytes(PATH, session=session) for _ in range(100)]
        outcomes = await asyncio.gather(*reads, return_exceptions=True)
    assert {type(each) for each in outcomes} == {aios3.CredentialsError}
    assert {each.path for each in outcomes} == {PATH}
    assert all("the vault is sealed" in str(each) for each in outcomes)
    assert place.count() == 2


async def test_two_profiles_have_two_copies(place: Place):
    use_role(place)
    text = (place.folder / "config").read_text()
    place.write("config", text + text[text.index("[default]") :].replace("[default]", "[profile other]"))
    async with aios3.Session() as session:
        await aios3.read_bytes(PATH, session=session)
        await aios3.read_bytes("s3+other://bucket/key", session=session)
        await aios3.read_bytes(PATH, session=session)
    assert place.count() == 2
    assert len(signed(place)) == 2
