"""boto3's client of :func:`aios3.sync.get_s3_client` is who its session is, however that was found out."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import boto3
import pytest
from botocore.exceptions import ClientError
from credential_drivers import DATA, PATH
from credential_sources import SOURCES, use_callback, use_environment, use_role

import aios3
import aios3.sync
from servers.accounts import SECRET

if TYPE_CHECKING:
    from credential_sources import Place

TRANSPORTS = ["auto", "aiobotocore"]
PLACE = {"Bucket": "bucket", "Key": "key"}
MINUTE, HOUR = 60, 3600


def read_with(client) -> bytes:
    with client.get_object(**PLACE)["Body"] as body:
        return body.read()


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("source", SOURCES)
def test_it_signs_with_the_one_copy_of_the_session_and_follows_it(place: Place, source, transport):
    SOURCES[source](place)
    with aios3.sync.Session(**place.options, transport=transport) as session:
        client = aios3.sync.get_s3_client(session=session)
        assert read_with(client) == DATA
        asked = place.count()
        first = place.accounts.amazon.requests[-1].access_key
        assert first == place.accounts.given[-1].access_key
        assert aios3.sync.read_bytes(PATH, session=session) == DATA
        assert place.accounts.amazon.requests[-1].access_key == first
        assert place.count() == asked, "its source was asked once for both"
        place.accounts.void()
        place.rotate()
        assert aios3.sync.read_bytes(PATH, session=session) == DATA
        assert read_with(client) == DATA
        assert place.accounts.amazon.requests[-1].access_key == place.accounts.given[-1].access_key != first
        client.close()


def test_making_it_asks_no_source(place: Place):
    use_callback(place)
    with aios3.sync.Session(**place.options) as session:
        aios3.sync.get_s3_client(session=session).close()
    assert place.count() == 0


def test_a_role_with_a_device_asks_for_one_code_for_both(place: Place, monkeypatch):
    from botocore.credentials import AssumeRoleProvider  # noqa: PLC0415 - slow to import

    prompts = []
    original = AssumeRoleProvider.__init__
    monkeypatch.setattr(
        AssumeRoleProvider,
        "__init__",
        lambda self, *args, **options: original(
            self, *args, **options | {"prompter": lambda text: prompts.append(text) or "123456"}
        ),
    )
    use_role(place, "mfa_serial = arn:aws:iam::111122223333:mfa/somebody\n")
    place.accounts.codes = {"123456"}
    with aios3.sync.Session() as session:
        client, other = (aios3.sync.get_s3_client(session=session) for _ in range(2))
        assert [read_with(client), read_with(other)] == [DATA, DATA]
        assert aios3.sync.read_bytes(PATH, session=session) == DATA
        client.close()
        other.close()
    assert len(prompts) == 1


def test_credentials_that_end_are_renewed_before_that(place: Place):
    use_callback(place)
    with aios3.sync.Session(**place.options) as session:
        client = aios3.sync.get_s3_client(session=session)
        assert read_with(client) == DATA
        place.accounts.advance(HOUR + 1)
        assert read_with(client) == DATA
        client.close()
    assert place.count() == 2


def test_a_failing_credential_source_raises_a_named_aios3_error(place: Place):
    use_callback(place)
    place.set_down(True)
    with aios3.sync.Session(**place.options) as session:
        client = aios3.sync.get_s3_client(session=session)
        with pytest.raises(aios3.CredentialsError, match="the vault is sealed"):
            read_with(client)
        client.close()


def test_missing_credentials_are_an_aios3_error(place: Place):
    use_environment(place)
    place.set_down(True)
    with aios3.sync.Session() as session:
        client = aios3.sync.get_s3_client(session=session)
        with pytest.raises(aios3.NoCredentialsError):
            read_with(client)
        client.close()


def test_it_goes_on_after_the_session_as_long_as_its_credentials_last(place: Place):
    use_callback(place)
    with aios3.sync.Session(**place.options) as session:
        client = aios3.sync.get_s3_client(session=session)
        assert read_with(client) == DATA
    assert read_with(client) == DATA
    place.accounts.advance(HOUR + 1)
    with pytest.raises(aios3.ClosedHandleError, match="Session is closed"):
        read_with(client)
    client.close()
    assert place.count() == 1


async def test_it_may_not_be_used_on_the_loop_that_it_would_wait_for(place: Place):
    use_callback(place)
    session = aios3.sync.Session(**place.options)

    async def read_there() -> None:
        with pytest.raises(aios3.WrongLoopError, match="its own event loop"):
            read_with(client)

    client = await asyncio.to_thread(aios3.sync.get_s3_client, session=session)
    await asyncio.to_thread(aios3.sync._loop_thread.call, read_there)
    await asyncio.to_thread(client.close)
    await asyncio.to_thread(session.close)


async def test_a_session_of_another_loop_makes_none(place: Place):
    use_callback(place)
    async with aios3.Session(**place.options) as session:
        with pytest.raises(aios3.WrongLoopError):
            await asyncio.to_thread(aios3.sync.get_s3_client, session=session)


def test_anonymous_requests_are_not_signed(place: Place):
    place.accounts.amazon.buckets["bucket"].public = True
    with aios3.sync.Session(credentials="anonymous") as session:
        client = aios3.sync.get_s3_client(session=session)
        assert read_with(client) == DATA
        client.close()
    assert place.accounts.amazon.requests[-1].access_key is None


def test_another_profile_has_its_own_credentials(place: Place):
    use_callback(place)
    place.accounts.amazon.add_key("AKIAOTHER", SECRET)
    profile = f"[profile other]\naws_access_key_id = AKIAOTHER\naws_secret_access_key = {SECRET}\n"
    place.env(AWS_CONFIG_FILE=place.write("config", profile))
    with aios3.sync.Session(**place.options) as session:
        client = aios3.sync.get_s3_client("other", session=session)
        assert read_with(client) == DATA
        client.close()
    assert place.accounts.amazon.requests[-1].access_key == "AKIAOTHER"
    assert place.count() == 0


def test_a_session_can_be_made_of_it_again(place: Place):
    """As the drop-in modules for other libraries do with a client that they are given."""
    from aios3._boto.boto3_clients import config_of  # noqa: PLC0415 - imports botocore

    use_callback(place)
    with aios3.sync.Session(**place.options) as session:
        client = aios3.sync.get_s3_client(session=session)
        with aios3.sync.Session(config_of(client)) as other:
            assert aios3.sync.read_bytes(PATH, session=other) == DATA
            place.accounts.advance(HOUR - MINUTE)
            assert aios3.sync.read_bytes(PATH, session=other) == DATA
        client.close()
    assert place.count() == 2


def test_its_own_rejections_are_botocores(place: Place):
    use_callback(place)
    with aios3.sync.Session(**place.options) as session:
        client = aios3.sync.get_s3_client(session=session)
        assert type(client).__module__ == type(boto3.client("s3")).__module__
        with pytest.raises(ClientError):
            client.get_object(Bucket="bucket", Key="none")
        client.close()
