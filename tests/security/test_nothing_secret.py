"""Nothing that would let somebody else act as the user is logged, told, shown or pickled, at any level."""

from __future__ import annotations

import dataclasses
import logging
import pickle
import re

import pytest

import aios3
from aios3.otel import RequestTelemetry
from aios3.testing import faults

SECRET = "secret-key-nobody-may-see"
TOKEN = "session-token-nobody-may-see"


@pytest.fixture
def known(config):
    """The settings, with credentials that can be found again."""
    return dataclasses.replace(config, credentials=aios3.Credentials("AKIAVISIBLE", SECRET, TOKEN))


def signatures(faulty) -> set[str]:
    found = (re.search(r"Signature=(\w+)", (each.headers or {}).get("authorization", "")) for each in faulty.requests)
    return {match[1] for match in found if match}


class Spans:
    """A tracer provider that keeps what spans are made with."""

    def __init__(self, seen):
        self.seen = seen

    def get_tracer(self, *args, **kwargs):
        return self

    def start_span(self, name, **given):
        self.seen.append((name, given))
        return self

    def set_status(self, *status):
        self.seen.append(status)

    def end(self, **given):
        self.seen.append(given)


async def use(session, bucket, faulty) -> list[object]:
    """Use each way of signing, well and in vain; return what a program could show of it."""
    shown: list[object] = [session, session.config, session.config.credentials]
    await aios3.write_bytes(f"{bucket}/a", b"abc", session=session)
    await aios3.read_bytes(f"{bucket}/a", session=session)
    await aios3.copy(f"{bucket}/a", f"{bucket}/b", session=session)
    shown.append([entry async for entry in aios3.scan_stat(bucket, session=session)])
    for fault in (
        faults.SlowDown(),
        faults.Respond(403, "SignatureDoesNotMatch"),
        faults.Garbage(),
        faults.ExpiredToken(),
    ):
        faulty.fail("GetObject", fault, times=None)
        with pytest.raises(aios3.S3Error) as caught:
            await aios3.read_bytes(f"{bucket}/a", session=session)
        shown += [caught.value, caught.value.__cause__, pickle.dumps(caught.value)]
        faulty.reset()
    shown += [session.stats(), pickle.dumps(session.stats()), session.describe()]
    return shown


async def test_no_secret_is_shown_reported_or_logged(known, faulty, bucket, caplog):
    caplog.set_level(logging.DEBUG, "aios3")
    told: list[object] = []
    signed: set[str] = set()
    reset = faulty.reset

    def keeping() -> None:
        signed.update(signatures(faulty))
        reset()

    telemetry = RequestTelemetry(tracer_provider=Spans(told))

    def hook(event):
        told.append(event)
        telemetry(event)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(faulty, "reset", keeping)
        async with aios3.Session(known, on_request=hook) as session:
            shown = await use(session, bucket, faulty)
            url = await aios3.presign(f"{bucket}/a", session=session)
            form = await aios3.presign_post(f"{bucket}/a", session=session)
        keeping()
    signed |= {url, re.search(r"Signature=([\w%]+)", url, re.IGNORECASE)[1]}
    signed |= {value for name, value in form.fields.items() if "signature" in name.lower() or "token" in name.lower()}
    logged = [f"{record.getMessage()} {record.args!r} {record.exc_text}" for record in caplog.records]
    ours = [text for text, record in zip(logged, caplog.records, strict=True) if record.name.startswith("aios3")]
    assert len(signed) > 8
    assert len(ours) > 8
    assert len(told) > 20
    everything = [*ours, *map(repr, told), *map(repr, shown), repr(form)]
    for secret in (SECRET, TOKEN, *signed):
        assert not [text[:200] for text in everything if secret in text]


def test_the_watch_over_the_log_of_the_whole_run_sees_a_secret(secrets_logged):
    logging.getLogger("aios3.request").debug("authorization: %s", "AWS4-HMAC-SHA256 Credential=AKIA, Signature=0")
    assert secrets_logged
    secrets_logged.clear()
