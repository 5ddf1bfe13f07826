"""What other libraries, servers and callers put into errors and logs: nothing of it that would let somebody in."""

from __future__ import annotations

import base64
import logging
import os
import pickle

import pytest

import aios3
from aios3._secrets import scrubbed
from aios3.testing import faults
from shown import everything_shown

HIDDEN = "nobody-may-see"
TOKEN = f"token-{HIDDEN}"
KEY = f"key-of-32-bytes-{HIDDEN}--".encode()[:32]
KEY_ON_THE_WIRE = base64.b64encode(KEY).decode()
PRESIGNED = (
    "https://bucket.s3.amazonaws.com/key?X-Amz-Algorithm=AWS4-HMAC-SHA256"
    f"&X-Amz-Credential=AKIA-{HIDDEN}%2F20260101&X-Amz-Security-Token={TOKEN}&X-Amz-Signature={HIDDEN}"
)


@pytest.mark.parametrize(
    "text",
    [
        f"Invalid endpoint: me:{HIDDEN}@127.0.0.1:9000",
        f"407, message='x', url='http://me:{HIDDEN}@127.0.0.1:3128'",
        f"Failed to parse: https://{HIDDEN}@host:port/",
        PRESIGNED,
        PRESIGNED.lower(),
        f"https://b.s3.amazonaws.com/k?AWSAccessKeyId=A&Signature={HIDDEN}%3D&Expires=1",
        f"Invalid header value b'{HIDDEN}' in Authorization: AWS4-HMAC-SHA256 Credential=A, Signature={HIDDEN}"[30:],
        f"{{'X-Amz-Security-Token': '{HIDDEN}', 'a': 'b'}}",
        f"Header 'x-amz-server-side-encryption-customer-key' with value '{HIDDEN}' not implemented",
        f"x-amz-copy-source-server-side-encryption-customer-key={HIDDEN}",
        f"Proxy-Authorization: Basic {HIDDEN}",
        f"Invalid type for parameter SSECustomerKey, value: [b'{HIDDEN}', {HIDDEN}], type: <class 'list'>, valid",
        f"client_secret={HIDDEN}&grant_type=x",
    ],
)
def test_secrets_are_taken_out_of_a_text(text):
    assert HIDDEN not in scrubbed(text)
    assert scrubbed(scrubbed(text)) == scrubbed(text)


@pytest.mark.parametrize(
    "text",
    [
        "Unsupported header 'x-amz-checksum-mode' received for this API call.",
        "Unsupported header 'x-amz-server-side-encryption-customer-key' received for this API call.",
        "The region name 'eu-west-1' is not valid. Must be one of: wnam, enam, auto",
        'Could not connect to the endpoint URL: "https://bucket.s3.amazonaws.com/a@b/c?uploads"',
        "Cannot connect to host proxy:3128 ssl:default [Connect call failed ('10.0.0.1', 3128)]",
    ],
)
def test_text_without_secrets_is_unchanged(text):
    assert scrubbed(text) == text


def in_profile(text):
    return lambda monkeypatch, tmp_path: _write_profile(monkeypatch, tmp_path, text)


def in_environment(name):
    return lambda monkeypatch, _tmp_path, url: monkeypatch.setenv(name, url)


def _write_profile(monkeypatch, tmp_path, text):
    (tmp_path / "config").write_text(text)
    monkeypatch.setenv("AWS_CONFIG_FILE", os.fspath(tmp_path / "config"))


ENDPOINT_SOURCES = {
    "OSS_ENDPOINT": in_environment("OSS_ENDPOINT"),
    "AWS_ENDPOINT_URL": in_environment("AWS_ENDPOINT_URL"),
    "AWS_ENDPOINT_URL_S3": in_environment("AWS_ENDPOINT_URL_S3"),
    "profile": lambda patch, tmp, url: _write_profile(patch, tmp, f"[default]\nendpoint_url = {url}\n"),
    "services": lambda patch, tmp, url: _write_profile(
        patch, tmp, f"[default]\nservices = x\n[services x]\ns3 =\n  endpoint_url = {url}\n"
    ),
}


@pytest.mark.parametrize("source", [*ENDPOINT_SOURCES, "argument"])
@pytest.mark.parametrize("scheme", ["http://", "https://", ""])
async def test_a_password_in_the_endpoint_is_not_shown(source, scheme, transport, monkeypatch, tmp_path, caplog):
    caplog.set_level(logging.DEBUG, "aios3")
    url = f"{scheme}me:{HIDDEN}@127.0.0.1:9"
    more = {"endpoint_url": url} if source == "argument" else {}
    if source != "argument":
        ENDPOINT_SOURCES[source](monkeypatch, tmp_path, url)
    keys = aios3.Credentials("AKIA", "secret")
    with pytest.raises(aios3.S3Error) as caught:
        async with aios3.Session(credentials=keys, transport=transport, max_attempts=1, **more) as session:
            await aios3.read_bytes("s3://bucket/key", session=session)
    assert HIDDEN not in everything_shown(caught.value, caplog.records)


PATH_VERBS = {
    "read_bytes": lambda path, session: aios3.read_bytes(path, session=session),
    "write_bytes": lambda path, session: aios3.write_bytes(path, b"x", session=session),
    "stat": lambda path, session: aios3.stat(path, session=session),
    "exists": lambda path, session: aios3.exists(path, session=session),
    "copy": lambda path, session: aios3.copy(path, "s3://bucket/x", session=session),
    "copy to": lambda path, session: aios3.copy("s3://bucket/x", path, session=session),
    "move": lambda path, session: aios3.move(path, "s3://bucket/x", session=session),
    "remove": lambda path, session: aios3.remove(path, session=session),
    "listdir": lambda path, session: aios3.listdir(path, session=session),
    "presign": lambda path, session: aios3.presign(path, session=session),
}


@pytest.mark.parametrize("verb", PATH_VERBS)
async def test_a_presigned_url_in_the_place_of_a_path_is_not_shown(config, verb, caplog):
    caplog.set_level(logging.DEBUG, "aios3")
    async with aios3.Session(config) as session:
        with pytest.raises(aios3.InvalidPathError) as caught:
            await PATH_VERBS[verb](PRESIGNED, session)
    assert HIDDEN not in everything_shown(caught.value, caplog.records)


@pytest.mark.parametrize("bad", [f"{TOKEN}\n", f"{TOKEN}\0", f"\r\n{TOKEN}", f"{TOKEN}\u20ac"])
@pytest.mark.parametrize("which", ["session_token", "access_key"])
async def test_a_token_that_no_header_can_hold_is_not_shown(config, which, bad, caplog):
    caplog.set_level(logging.DEBUG, "aios3")
    keys = {"access_key": "AKIA", "secret_key": "secret", which: bad}
    async with aios3.Session(config.with_options(credentials=aios3.Credentials(**keys))) as session:
        with pytest.raises(aios3.S3Error) as caught:
            await aios3.read_bytes("s3://bucket/key", session=session)
    assert TOKEN not in everything_shown(caught.value, caplog.records)


@pytest.mark.parametrize("mode", ["rb", "wb", "ab"])
@pytest.mark.parametrize("key", [KEY, KEY + b"!", KEY.decode(), [KEY], 5], ids=lambda key: type(key).__name__)
async def test_a_key_of_the_customer_is_not_shown(config, faulty, bucket, admin, mode, key, caplog):
    """Neither one of a wrong kind, nor one that the server repeats when it does not take it, as R2 does."""
    caplog.set_level(logging.DEBUG, "aios3")
    admin.put(f"{bucket}/data", b"x")
    message = f"Header 'x-amz-server-side-encryption-customer-key' with value '{KEY_ON_THE_WIRE}' not implemented"
    faulty.fail("*Object", faults.Respond(501, "NotImplemented", message), times=None)
    async with aios3.Session(config) as session:
        with pytest.raises((aios3.S3Error, TypeError, ValueError, AttributeError)) as caught:
            async with aios3.aopen(f"{bucket}/data", mode, sse_customer_key=key, session=session) as file:
                await (file.read() if mode == "rb" else file.write(b"y"))
    shown = everything_shown(caught.value, caplog.records)
    assert HIDDEN not in shown
    assert KEY_ON_THE_WIRE not in shown


@pytest.mark.parametrize("status", [400, 403])
@pytest.mark.parametrize("operation", ["GetObject", "PutObject", "ListObjectsV2", "DeleteObjects", "CopyObject"])
async def test_what_a_server_repeats_of_a_request_is_not_shown(config, faulty, bucket, operation, status, caplog):
    caplog.set_level(logging.DEBUG, "aios3")
    message = f"Bad header X-Amz-Security-Token: '{TOKEN}' in https://me:{HIDDEN}@host/?X-Amz-Signature={HIDDEN}"
    faulty.fail(operation, faults.Respond(status, "InvalidRequest", message), times=None)
    run = {
        "GetObject": lambda session: aios3.read_bytes(f"{bucket}/x", session=session),
        "PutObject": lambda session: aios3.write_bytes(f"{bucket}/x", b"x", session=session),
        "ListObjectsV2": lambda session: aios3.listdir(f"{bucket}/x", session=session),
        "DeleteObjects": lambda session: session_remove(session, bucket),
        "CopyObject": lambda session: aios3.copy(f"{bucket}/x", f"{bucket}/y", session=session),
    }[operation]
    async with aios3.Session(config) as session:
        with pytest.raises(aios3.S3Error) as caught:
            await run(session)
    assert HIDDEN not in everything_shown(caught.value, caplog.records)
    cause = caught.value.__cause__
    if cause is not None:  # as Dask sends it to another process
        assert HIDDEN not in str(pickle.loads(pickle.dumps(cause)))
        assert HIDDEN not in str(vars(cause))


async def session_remove(session, bucket):
    backend = await session.backend(aios3.S3Url.parse(bucket))
    await backend.delete_objects(aios3.S3Url.parse(bucket), ["a", "b"])


@pytest.mark.parametrize("kind", [ValueError, OSError, KeyError])
async def test_what_a_function_for_credentials_raises_is_named_without_its_secret(config, kind, caplog):
    caplog.set_level(logging.DEBUG, "aios3")

    def fetch():
        text = f"POST https://me:{HIDDEN}@vault/login?token={TOKEN}"
        raise kind(text)

    async with aios3.Session(config.with_options(credentials=fetch)) as session:
        with pytest.raises(aios3.S3Error) as caught:
            await aios3.read_bytes("s3://bucket/key", session=session)
    assert HIDDEN not in everything_shown(caught.value, caplog.records)
