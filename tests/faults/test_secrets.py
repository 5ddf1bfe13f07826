"""Nothing secret leaves by what is logged, raised, shown or pickled, and nothing goes to another host."""

from __future__ import annotations

import logging
import pickle
import re
import traceback

import pytest
from fault_verbs import VERBS, Place

import aios3
import aios3.sync
from aios3.testing import FaultyServer, faults

SECRET = "secret-key-that-nobody-may-see"
TOKEN = "session-token-that-nobody-may-see"
CALLS = ("open + read", "random reads", "write small", "copy", "remove", "scan")
FAULTS = (
    faults.Reset(),
    faults.InternalError(),
    faults.ExpiredToken(),
    faults.Respond(403, "SignatureDoesNotMatch"),
    faults.WrongRegion(status=400),
    faults.Garbage(),
    faults.CutShort(0),
    faults.DropResponse(),
)


@pytest.fixture
def config(options, faulty) -> aios3.Config:
    credentials = aios3.Credentials("AKIAVISIBLE", SECRET, TOKEN)
    return aios3.Config(**options(faulty, credentials=credentials, max_attempts=2))


async def run_with_faults(faulty, config, bucket, admin) -> list[BaseException]:
    """Run every verb through every fault; return what was raised."""
    raised = []
    for fault in FAULTS:
        async with aios3.Session(config) as session:
            place = Place(bucket, session, aios3.sync.Session(config), admin)
            for verb in (VERBS[name] for name in CALLS):
                for key, data in verb.prepare.items():
                    admin.put(place(key), data)
                faulty.reset()
                faulty.fail(verb.main, fault, times=None)
                try:
                    await verb.run(place)
                except (aios3.S3Error, BaseExceptionGroup) as error:
                    raised.append(error)
    return raised


def everything_in(error: BaseException) -> str:
    """Return all that a program shows of an error: its traceback with the causes, and what a pickle of it holds."""
    shown = "".join(traceback.format_exception(error)) + repr(error)
    return shown + (repr(pickle.dumps(error)) if isinstance(error, aios3.S3Error) else "")


def signatures(faulty: FaultyServer) -> set[str]:
    found = {re.search(r"Signature=(\w+)", request.headers.get("authorization", "")) for request in faulty.requests}
    return {match[1] for match in found if match}


async def test_no_secret_is_logged_or_raised(faulty, config, bucket, admin, caplog):
    caplog.set_level(logging.DEBUG)
    signed: set[str] = set()
    original = faulty.reset

    def reset() -> None:
        signed.update(signatures(faulty))
        original()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(faulty, "reset", reset)
        raised = await run_with_faults(faulty, config, bucket, admin)
    assert len(raised) > len(FAULTS) * 3
    assert len(signed) > 15  # those of one second are alike
    everything = [f"{record.name} {record.getMessage()} {record.args!r} {record.exc_text}" for record in caplog.records]
    ours = [text for text in everything if text.startswith("aios3")]
    shown = [everything_in(error) for error in raised] + [repr(config), repr(aios3.Session(config))]
    assert not [text[:300] for text in everything + shown if SECRET in text]
    for text in ours + shown:
        assert TOKEN not in text
        assert not [signature for signature in signed if signature in text]


@pytest.mark.parametrize("verb", ["open + read", "scan", "copy", "write small"])
@pytest.mark.parametrize("status", [301, 307])
async def test_a_redirect_to_another_host_is_not_followed(faulty, config, bucket, admin, status, verb):
    chosen = VERBS[verb]
    for key, data in chosen.prepare.items():
        admin.put(f"{bucket}/{key}", data)
    async with FaultyServer() as elsewhere, aios3.Session(config) as session:
        location = {"Location": f"{elsewhere.endpoint_url}/bucket/x"}
        faulty.fail(chosen.main, faults.Respond(status, "TemporaryRedirect", headers=location), times=None)
        with pytest.raises(aios3.RequestError):
            await chosen.run(Place(bucket, session, aios3.sync.Session(config), admin))
        assert elsewhere.counts().total == 0
