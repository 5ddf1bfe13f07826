"""Who signs, and when the source of credentials is asked: decided without a source, and kept for everybody at once."""

from __future__ import annotations

import asyncio
import gc
import itertools
import logging
import math
from datetime import UTC, datetime, timedelta

import pytest

import aios3
from aios3._config import Config
from aios3._credentials import (
    CredentialCache,
    CredentialsInfo,
    RefreshStep,
    Signer,
    Validity,
    credential_cache_of,
    decide,
    error_context,
    refresh_after,
)
from aios3.errors import (
    ClosedHandleError,
    ConfigError,
    CredentialsError,
    NoCredentialsError,
    RequestError,
    from_response,
)

HOUR = Validity(0.0, 3600.0)
SHORT = Validity(0.0, 40.0)


@pytest.mark.parametrize(
    ("now", "life", "failed_at", "refreshing", "step", "until"),
    [
        (0, None, None, False, RefreshStep.WAIT, 0),
        (0, None, None, True, RefreshStep.WAIT, 0),
        (0.9, None, 0, False, RefreshStep.FAIL, 1),
        (0.9, None, 0, True, RefreshStep.WAIT, 0.9),
        (1, None, 0, False, RefreshStep.WAIT, 1),
        (0, None, 5, False, RefreshStep.WAIT, 0),  # the clock was set back since the failure
        (0, Validity(-math.inf, math.inf), None, False, RefreshStep.USE, math.inf),
        (2699, HOUR, None, False, RefreshStep.USE, 2700),
        (2700, HOUR, None, False, RefreshStep.REFRESH, 3570),
        (2700, HOUR, None, True, RefreshStep.USE, 3570),
        (2701, HOUR, 2700, False, RefreshStep.USE, 2760),
        (2760, HOUR, 2700, False, RefreshStep.REFRESH, 3570),
        (3500, HOUR, 3495, False, RefreshStep.USE, 3505),
        (3570, HOUR, None, False, RefreshStep.WAIT, 3570),
        (3570, HOUR, None, True, RefreshStep.WAIT, 3570),
        (3571, HOUR, 3570, False, RefreshStep.USE, 3572.9),
        (3599.5, HOUR, 3599, False, RefreshStep.USE, 3600),
        (3600, HOUR, 3599.5, False, RefreshStep.FAIL, 3600.5),
        (3600, HOUR, None, False, RefreshStep.WAIT, 3600),
        (3600, HOUR, None, True, RefreshStep.WAIT, 3600),
        (29, SHORT, None, False, RefreshStep.USE, 30),
        (30, SHORT, None, False, RefreshStep.REFRESH, 38),
        (38, SHORT, None, False, RefreshStep.WAIT, 38),
    ],
)
def test_what_to_do_is_decided_by_time_alone(now, life, failed_at, refreshing, step, until):
    found, stays = decide(now, life, failed_at, refreshing=refreshing)
    assert found is step
    assert stays == pytest.approx(until)


class Source:
    """A source whose responses the test gives, and a clock that it moves."""

    def __init__(self, *responses, life=3600.0):
        self.responses = list(responses)
        self.life = life
        self.now = datetime(2026, 1, 1, tzinfo=UTC).timestamp()
        self.kinds = []
        self.open = asyncio.Event()
        self.open.set()

    @property
    def asked(self):
        return len(self.kinds)

    async def ask(self, kind):
        self.kinds.append(kind)
        number = self.asked
        await self.open.wait()
        response = self.responses.pop(0) if self.responses else None
        if isinstance(response, BaseException):
            raise response
        if response == "none":
            return None
        ends = None if self.life is None else datetime.fromtimestamp(self.now + self.life, UTC)
        return Signer(aios3.Credentials(response or f"KEY{number}", "secret", "token", ends), "fake")

    def credential_cache(self):
        return CredentialCache(self.ask, clock=lambda: self.now)


async def key(credential_cache):
    return (await credential_cache.get()).credentials.access_key


async def turns(count=5):
    for _ in range(count):
        await asyncio.sleep(0)


DOWN = CredentialsError("the source is down")


async def test_a_hundred_callers_ask_once_at_the_start():
    source = Source()
    credential_cache = source.credential_cache()
    assert credential_cache.cached() is None
    assert set(await asyncio.gather(*[key(credential_cache) for _ in range(100)])) == {"KEY1"}
    assert source.asked == 1
    await credential_cache.get()
    assert credential_cache.cached().credentials.access_key == "KEY1"


async def test_a_hundred_callers_share_one_failure_and_it_is_asked_again_a_second_later():
    source = Source(DOWN)
    credential_cache = source.credential_cache()
    outcomes = await asyncio.gather(*[key(credential_cache) for _ in range(100)], return_exceptions=True)
    assert {str(each) for each in outcomes} == {"the source is down"}
    assert len({id(each) for each in outcomes}) == 100
    with pytest.raises(CredentialsError):
        await key(credential_cache)
    assert source.asked == 1
    source.now += 1
    assert await key(credential_cache) == "KEY2"


async def test_a_slow_failure_is_raised_for_all_waiters():
    source = Source(DOWN)
    source.open.clear()
    credential_cache = source.credential_cache()
    waiting = [asyncio.create_task(key(credential_cache)) for _ in range(10)]
    await turns()
    source.open.set()
    for task in waiting:
        with pytest.raises(CredentialsError):
            await task
        source.now += 10  # whoever is woken late has waited for the same response
    assert source.asked == 1


async def test_before_their_end_they_are_renewed_while_requests_go_on():
    source = Source()
    credential_cache = source.credential_cache()
    await credential_cache.get()
    source.open.clear()
    source.now += 3600 - 600
    assert [await key(credential_cache) for _ in range(10)] == ["KEY1"] * 10
    await turns()
    assert source.asked == 2
    assert credential_cache.cached() is not None
    source.open.set()
    await turns()
    assert await key(credential_cache) == "KEY2"
    assert source.asked == 2


@pytest.mark.parametrize("life", [0.5, 2.0, 60.0, 900.0, 3600.0, 43200.0])
async def test_nothing_is_ever_signed_with_what_has_ended(life):
    source = Source(life=life)
    credential_cache = source.credential_cache()
    for _ in range(400):
        signer = credential_cache.cached() or await credential_cache.get()
        assert signer.credentials.expires_at.timestamp() > source.now
        source.now += life / 100
        await turns(2)
    assert 4 <= source.asked <= 8


async def test_a_failing_credential_source_is_retried_at_intervals_until_expiry(caplog):
    source = Source("GOOD", *[DOWN] * 1000)
    credential_cache = source.credential_cache()
    await credential_cache.get()
    caplog.set_level(logging.WARNING, "aios3.credentials")
    asked_at = []
    while source.now < credential_cache.describe().expires_at.timestamp():
        assert await key(credential_cache) == "GOOD"
        before = source.asked
        await turns(3)
        if source.asked > before:
            asked_at.append(source.now)
        source.now += 0.25
    assert min(b - a for a, b in itertools.pairwise(asked_at)) >= 1
    assert 20 < source.asked < 60
    with pytest.raises(CredentialsError, match="down"):
        await key(credential_cache)
    assert "could not be renewed" in caplog.text


async def test_after_the_end_a_source_that_recovers_is_asked_within_a_second():
    source = Source("GOOD", DOWN, DOWN)
    credential_cache = source.credential_cache()
    await credential_cache.get()
    source.now += 3601
    for _ in range(5):
        with pytest.raises(CredentialsError):
            await key(credential_cache)
    assert source.asked == 2
    source.now += 1
    with pytest.raises(CredentialsError):
        await key(credential_cache)
    source.now += 1
    assert await key(credential_cache) == "KEY4"


async def test_no_credentials_are_looked_for_again():
    source = Source("none")
    credential_cache = source.credential_cache()
    with pytest.raises(NoCredentialsError, match="AWS_ACCESS_KEY_ID"):
        await credential_cache.get()
    source.now += 1
    assert await key(credential_cache) == "KEY2"


async def test_an_empty_credential_source_is_named_and_the_session_keeps_its_identity():
    source = Source("GOOD", "none")
    credential_cache = source.credential_cache()
    await credential_cache.get()
    source.now += 3601
    with pytest.raises(CredentialsError, match="fake") as caught:
        await credential_cache.get()
    assert not isinstance(caught.value, NoCredentialsError)
    assert source.kinds == [None, "fake"]


async def test_what_has_expired_already_is_a_failure():
    source = Source(life=-1.0)
    with pytest.raises(CredentialsError, match="expired at"):
        await source.credential_cache().get()


async def test_rejected_ones_are_replaced_once_for_all():
    source = Source()
    credential_cache = source.credential_cache()
    rejected = (await credential_cache.get()).credentials
    assert all(await asyncio.gather(*[credential_cache.refresh(rejected) for _ in range(100)]))
    assert source.asked == 2
    assert await credential_cache.refresh(rejected)
    assert source.asked == 2
    assert await key(credential_cache) == "KEY2"


async def test_a_failure_after_a_rejection_is_one_for_all_and_nothing_is_signed_with_what_is_void():
    source = Source("OLD", DOWN)
    credential_cache = source.credential_cache()
    rejected = (await credential_cache.get()).credentials
    outcomes = await asyncio.gather(*[credential_cache.refresh(rejected) for _ in range(100)], return_exceptions=True)
    assert {type(each) for each in outcomes} == {CredentialsError}
    with pytest.raises(CredentialsError, match="down"):
        await credential_cache.get()
    assert source.asked == 2
    source.now += 1
    assert await key(credential_cache) == "KEY3"


async def test_a_source_that_has_no_others_is_asked_once_and_the_old_ones_are_used():
    source = Source(*["SAME"] * 10, life=None)
    credential_cache = source.credential_cache()
    rejected = (await credential_cache.get()).credentials
    assert not any(await asyncio.gather(*[credential_cache.refresh(rejected) for _ in range(100)]))
    assert not await credential_cache.refresh(rejected)
    assert source.asked == 2
    assert await key(credential_cache) == "SAME"
    source.now += 30
    source.responses = ["OTHER"]
    assert await credential_cache.refresh(rejected)


async def test_what_was_asked_for_before_the_rejection_does_not_count_as_its_response():
    source = Source("OLD", "OLD", "NEW", life=3600.0)
    credential_cache = source.credential_cache()
    first = (await credential_cache.get()).credentials
    source.now += 3000
    source.open.clear()
    await credential_cache.get()
    await turns()
    assert source.asked == 2
    renewing = asyncio.create_task(credential_cache.refresh(first))
    await turns()
    source.now -= 3000  # so that the same credentials come back, as from a cache
    source.open.set()
    assert await renewing
    assert source.asked == 3
    assert await key(credential_cache) == "NEW"


async def test_new_ones_that_are_rejected_as_well_are_not_replaced_at_once():
    source = Source()
    credential_cache = source.credential_cache()
    first = (await credential_cache.get()).credentials
    assert await credential_cache.refresh(first)
    second = (await credential_cache.get()).credentials
    assert not await credential_cache.refresh(second)
    assert source.asked == 2
    credential_cache.note_accepted(second)
    assert await credential_cache.refresh(second)
    assert source.asked == 3


async def test_a_cancelled_caller_does_not_cancel_the_other_callers():
    source = Source()
    source.open.clear()
    credential_cache = source.credential_cache()
    first, second = asyncio.create_task(key(credential_cache)), asyncio.create_task(key(credential_cache))
    await turns()
    first.cancel()
    await turns()
    source.open.set()
    assert await second == "KEY1"
    assert first.cancelled()
    assert source.asked == 1


async def test_closing_ends_the_credential_request_and_its_waiters():
    source = Source()
    source.open.clear()
    credential_cache = source.credential_cache()
    waiting = asyncio.create_task(key(credential_cache))
    await turns()
    before = asyncio.all_tasks()
    await credential_cache.aclose()
    with pytest.raises(ClosedHandleError):
        await waiting
    await credential_cache.aclose()
    assert len(asyncio.all_tasks()) < len(before)
    with pytest.raises(ClosedHandleError):
        await credential_cache.get()


async def test_closing_ends_a_credential_refresh_without_waiters():
    source = Source()
    credential_cache = source.credential_cache()
    await credential_cache.get()
    source.open.clear()
    source.now += 3000
    await credential_cache.get()
    await turns()
    await credential_cache.aclose()
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_shared_failure_keeps_no_frames_of_its_waiters():
    source = Source(CredentialsError("down"))
    credential_cache = source.credential_cache()

    async def holding():
        held = bytearray(1 << 20)
        try:
            await credential_cache.get()
        finally:
            held.append(0)

    with pytest.raises(CredentialsError):
        await holding()
    gc.collect()
    assert not [each for each in gc.get_objects() if isinstance(each, bytearray) and len(each) > 1 << 20]


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        (aios3.Credentials("A", "b"), "argument"),
        ("anonymous", "anonymous"),
        (lambda: aios3.Credentials("A", "b"), "callback"),
        (None, "chain"),
    ],
)
async def test_arguments_go_before_the_chain(given, kind):
    async def chain(_kind):
        return Signer(aios3.Credentials("A", "b"), "chain")

    credential_cache = credential_cache_of(Config(credentials=given), chain)
    signer = await credential_cache.get()
    assert signer.kind == kind
    assert (signer.credentials is None) == (given == "anonymous")
    assert credential_cache.describe() == CredentialsInfo(kind, None)
    assert credential_cache.is_renewable == callable(given) or given is None
    if not credential_cache.is_renewable:
        assert not await credential_cache.refresh(signer.credentials)


MISSED = aios3.ObjectNotFoundError("GetObject s3://secrets/key: there is nothing", path="s3://secrets/key")


async def test_a_missing_file_in_a_credential_function_is_not_a_missing_object():
    def ask():
        raise MISSED

    credential_cache = credential_cache_of(Config(credentials=ask), lambda _kind: None)
    with pytest.raises(CredentialsError, match="secrets") as caught:
        await credential_cache.get()
    assert not isinstance(caught.value, FileNotFoundError)


NOBODY = NoCredentialsError("nobody to be")


def test_an_error_of_a_credential_source_names_its_purpose():
    with pytest.raises(NoCredentialsError) as caught, error_context("GetObject", "s3://b/k"):
        raise NOBODY from KeyError("x")
    assert str(caught.value) == "GetObject s3://b/k: nobody to be"
    assert (caught.value.path, caught.value.operation) == ("s3://b/k", "GetObject")
    assert isinstance(caught.value.__cause__, KeyError)
    known = ConfigError("wrong", path="s3://b/other")
    with pytest.raises(ConfigError) as caught, error_context("GetObject", "s3://b/k"):
        raise known
    assert caught.value is known


async def never():
    pytest.fail("nothing is to be asked")


def rejection(code, status=400, operation="GetObject"):
    return from_response(operation=operation, path="s3://b/k", code=code, status=status)


ENDS = datetime.now(UTC) + timedelta(hours=1)
LASTING, TOKEN, ENDING = (
    aios3.Credentials("A", "b"),
    aios3.Credentials("A", "b", "t"),
    aios3.Credentials("A", "b", expires_at=ENDS),
)


@pytest.mark.parametrize("used", [LASTING, TOKEN, ENDING], ids=["lasting", "token", "ending"])
@pytest.mark.parametrize(
    ("code", "status", "renews"),
    [
        ("ExpiredToken", 400, "always"),
        ("ExpiredTokenException", 400, "always"),
        ("InvalidToken", 400, "always"),
        ("TokenRefreshRequired", 400, "temporary"),
        ("InvalidAccessKeyId", 403, "temporary"),
        ("InvalidTokenId", 403, "temporary"),
        ("AccessDenied", 403, "never"),
        ("SignatureDoesNotMatch", 403, "never"),
        ("NoSuchKey", 404, "never"),
    ],
)
async def test_which_rejections_say_that_credentials_have_ended(used, code, status, renews):
    responses = [used, aios3.Credentials("NEW", "b", "t")]

    async def ask(_kind):
        return Signer(responses.pop(0), "test")

    credential_cache = CredentialCache(ask)
    await credential_cache.get()
    renewed = await refresh_after(credential_cache, used, rejection(code, status), never)
    assert renewed == (renews == "always" or (renews == "temporary" and used is not LASTING))
    assert len(responses) == 1 - renewed


@pytest.mark.parametrize(("status", "is_each_asked_about"), [(400, True), (403, False)])
@pytest.mark.parametrize("operation", ["HeadObject", "HeadBucket", "GetObject"])
@pytest.mark.parametrize("code", ["status", None])
@pytest.mark.parametrize(
    ("said", "renewed"),
    [("ExpiredToken", True), ("InvalidAccessKeyId", True), ("AccessDenied", False), (None, False)],
)
async def test_400_without_a_code_is_asked_about_each_time_and_403_once_a_minute(
    status, is_each_asked_about, operation, code, said, renewed
):
    source = Source()
    credential_cache = source.credential_cache()
    used = (await credential_cache.get()).credentials
    bare = rejection(code and str(status), status, operation)
    asked = []

    async def ask():
        asked.append(said)
        return said and rejection(said)

    assert await refresh_after(credential_cache, used, bare, ask) is renewed
    assert source.asked == 1 + renewed
    if not renewed:
        for _ in range(10):
            assert not await refresh_after(credential_cache, used, bare, ask)
        assert len(asked) == (11 if is_each_asked_about else 1)
        source.now += 60
        assert not await refresh_after(credential_cache, used, bare, ask)
        assert len(asked) == (12 if is_each_asked_about else 2)


@pytest.mark.parametrize(
    "before", [rejection("NoSuchKey", 404), rejection("404", 404, "HeadObject"), rejection("403", 403)]
)
@pytest.mark.parametrize("status", [400, 403])
async def test_a_response_from_before_does_not_speak_for_a_token_that_has_ended_since(before, status):
    source = Source()
    credential_cache = source.credential_cache()
    used = (await credential_cache.get()).credentials

    async def accept():
        return None

    async def reject():
        return rejection("ExpiredToken")

    assert not await refresh_after(credential_cache, used, before, accept)
    renewed = await refresh_after(credential_cache, used, rejection(str(status), status, "HeadObject"), reject)
    assert renewed == (status == 400 or before.status == 404)  # 403 was just asked about


@pytest.mark.parametrize("status", [400, 403])
async def test_a_request_rejected_with_replaced_credentials_uses_the_new_ones(status):
    source = Source()
    credential_cache = source.credential_cache()
    used = (await credential_cache.get()).credentials
    assert await credential_cache.refresh(used)

    async def accept():
        return None

    others = (await credential_cache.get()).credentials
    assert not await refresh_after(credential_cache, others, rejection("403", 403, "HeadObject"), accept)
    assert credential_cache.is_recently_confirmed
    assert await refresh_after(credential_cache, used, rejection(str(status), status, "HeadObject"), never)


async def test_those_in_doubt_at_once_share_a_question_that_is_asked_after_all_of_them():
    source = Source()
    credential_cache = source.credential_cache()
    used = (await credential_cache.get()).credentials
    asked, may_respond = [], asyncio.Event()

    async def ask():
        asked.append(len(asked))
        ended = len(asked) > 1  # while the first response was on its way
        await may_respond.wait()
        return rejection("ExpiredToken") if ended else None

    bare = rejection("400", 400, "HeadObject")
    first = asyncio.create_task(refresh_after(credential_cache, used, bare, ask))
    await turns()
    later = [asyncio.create_task(refresh_after(credential_cache, used, bare, ask)) for _ in range(20)]
    await turns()
    may_respond.set()
    assert not await first
    assert all(await asyncio.gather(*later))
    assert len(asked) == 2
    assert source.asked == 2


async def test_after_a_cancelled_or_failed_request_the_next_waiter_asks():
    source = Source()
    credential_cache = source.credential_cache()
    used = (await credential_cache.get()).credentials
    started = []

    async def hang():
        started.append("hang")
        await asyncio.Event().wait()

    async def fail():
        raise aios3.ConnectionFailedError("x")

    async def reject():
        return rejection("ExpiredToken")

    bare = rejection("400", 400, "HeadObject")
    tasks = [asyncio.create_task(refresh_after(credential_cache, used, bare, ask)) for ask in (hang, fail, reject)]
    await turns()
    assert started == ["hang"]
    tasks[0].cancel()
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(outcomes[0], asyncio.CancelledError)
    assert isinstance(outcomes[1], aios3.ConnectionFailedError)
    assert outcomes[2] is True


async def test_a_rejection_without_a_code_of_lasting_credentials_is_what_it_says():
    async def ask(_kind):
        return Signer(LASTING, "test")

    credential_cache = CredentialCache(ask)
    await credential_cache.get()
    assert not await refresh_after(credential_cache, LASTING, rejection("403", 403, "HeadObject"), never)


async def test_a_server_that_is_overloaded_has_not_looked_at_the_token():
    source = Source()
    credential_cache = source.credential_cache()
    used = (await credential_cache.get()).credentials

    async def ask():
        return RequestError("x", code="SlowDown", status=503)

    assert not await refresh_after(credential_cache, used, rejection("400", 400, "HeadObject"), ask)
    assert not credential_cache.is_recently_confirmed
