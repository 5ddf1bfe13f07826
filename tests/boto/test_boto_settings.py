"""The backend on aiobotocore: settings and credentials that do not do; and the seam at which errors change class."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta

import pytest
from boto_calls import KEYS, URL
from boto_failures import failing

from aios3 import errors
from aios3._backend import Precondition, PutOptions
from aios3._boto import BotoBackend
from aios3._boto.boto_errors import to_s3_error, translate_errors
from aios3._config import Config, Credentials
from scripted import Scripted, response


@pytest.mark.parametrize("call", ["get", "put", "client"])
async def test_a_profile_that_does_not_exist(slots, call):
    error = await failing(slots, call, profile="nosuch")
    assert type(error) is errors.ConfigError
    assert "nosuch" in str(error)


async def test_no_credentials_anywhere(slots):
    async with Scripted() as server:
        error = await failing(slots, endpoint_url=server.url, credentials=None)
    assert type(error) is errors.NoCredentialsError
    for place in ("AWS_ACCESS_KEY_ID", "~/.aws/credentials", "metadata", "anonymous"):
        assert place in str(error)


async def test_half_credentials(slots, monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIA")
    error = await failing(slots, endpoint_url="http://127.0.0.1:1", credentials=None)
    assert type(error) is errors.ConfigError
    assert "secret" in str(error).lower()


@pytest.mark.parametrize(
    "options",
    [
        {"region": "not a region"},
        {"endpoint_url": "http://127.0.0.1:1", "verify": "/does/not/exist"},
        {"endpoint_url": "http://127.0.0.1:1", "verify": __file__},
    ],
)
async def test_settings_that_only_botocore_can_judge(slots, options):
    assert type(await failing(slots, **options)) is errors.ConfigError


async def test_a_broken_profile_file(slots, monkeypatch, tmp_path):
    (tmp_path / "config").write_text("not [ini")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    assert type(await failing(slots)) is errors.ConfigError


@pytest.mark.parametrize(
    "options",
    [PutOptions(storage_class=5), PutOptions(metadata={"name": "é"})],  # type: ignore[arg-type]
)
async def test_options_that_s3_cannot_take(slots, options):
    backend = BotoBackend(Config(endpoint_url="http://127.0.0.1:1", credentials=KEYS), None, slots)
    with pytest.raises(errors.ConfigError):
        await backend.put_object(URL, [b"x"], options=options, condition=Precondition(), checksum=None)
    await backend.aclose()


def raising() -> Credentials:
    message = "vault is sealed"
    raise RuntimeError(message)


async def raising_ours() -> Credentials:
    message = "ask somebody else"
    raise errors.NoCredentialsError(message)


@pytest.mark.parametrize(
    ("source", "expected", "text"),
    [
        (raising, errors.CredentialsError, "RuntimeError: vault is sealed"),
        (raising_ours, errors.NoCredentialsError, "ask somebody else"),
        (lambda: "AKIA", errors.ConfigError, "must return Credentials, not str"),
        (
            lambda: Credentials("a", "b", expires_at=datetime.now(UTC) - timedelta(seconds=1)),
            errors.CredentialsError,
            "expired",
        ),
    ],
)
async def test_a_function_for_credentials_that_fails(slots, source, expected, text):
    error = await failing(slots, credentials=source)
    assert type(error) is expected
    assert text in str(error)


async def test_a_function_that_fails_when_the_old_ones_have_ended(slots):
    responses = [Credentials("A", "b", expires_at=datetime.now(UTC) + timedelta(hours=1))]
    async with Scripted(response(204)) as server:
        config = Config(endpoint_url=server.url, credentials=lambda: responses.pop(), max_attempts=1)  # noqa: PLW0108
        backend = BotoBackend(config, None, slots)
        await backend.delete_object(URL)
        backend._credential_cache._clock = lambda: time.time() + 3600
        with pytest.raises(errors.CredentialsError, match="IndexError"):
            await backend.delete_object(URL)
        await backend.aclose()


async def test_a_role_that_may_not_be_assumed(slots, monkeypatch, tmp_path):
    denied = response(
        403, b"<ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>"
    )
    async with Scripted(denied) as server:
        (tmp_path / "config").write_text(
            f"[default]\nregion=us-east-1\nrole_arn=arn:aws:iam::123456789012:role/r\nsource_profile=base\n"
            f"services=local\n[services local]\nsts =\n  endpoint_url={server.url}\n"
            "[profile base]\naws_access_key_id=a\naws_secret_access_key=b\n"
        )
        monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
        error = await failing(slots, credentials=None, endpoint_url="http://127.0.0.1:1")
    assert type(error) is errors.CredentialsError
    assert "AssumeRole" in str(error)


async def test_cancellation_and_other_peoples_errors_pass():
    with pytest.raises(asyncio.CancelledError), translate_errors("Op", "s3://b"):
        raise asyncio.CancelledError
    with pytest.raises(KeyError), translate_errors("Op", "s3://b"):
        raise KeyError
    ours = errors.ObjectNotFoundError("gone")
    with pytest.raises(errors.ObjectNotFoundError) as caught, translate_errors("Op", "s3://b"):
        raise ours
    assert caught.value is ours


def test_every_exception_of_botocore_becomes_an_aios3_error():
    import botocore.exceptions as boto  # noqa: PLC0415 - slow to import

    kinds = [kind for kind in vars(boto).values() if isinstance(kind, type) and issubclass(kind, boto.BotoCoreError)]
    assert len(kinds) > 50
    for kind in kinds:
        error = kind.__new__(kind)
        error.kwargs = {}
        assert isinstance(to_s3_error(error, "GetObject", "s3://b/k"), errors.S3Error), kind


def test_a_response_without_any_sense_is_still_an_error():
    from botocore.exceptions import ClientError  # noqa: PLC0415 - slow to import

    error = to_s3_error(ClientError({}, "GetObject"), "GetObject", "s3://b/k")
    assert type(error) is errors.RequestError
    assert (error.code, error.status, error.request_id) == (None, None, None)
