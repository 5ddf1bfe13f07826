"""A source of credentials that fails is named as that, whatever it raises: none looks like a missing object."""

from __future__ import annotations

import contextlib
import shlex
import socket
import sys
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from credential_drivers import PATH, renewed
from credential_sources import (
    SOURCES,
    sign_on,
    use_container,
    use_instance,
    use_process,
    use_role,
    use_sign_on,
    use_web_identity,
)

import aios3
from servers.accounts import SECRET, SIGN_ON_TOKEN, Response

if TYPE_CHECKING:
    from collections.abc import Callable

    from credential_sources import Place

TRANSPORTS = ["auto", "aiobotocore"]


def without_file(use: Callable[[Place], None], name: str) -> Callable[[Place], None]:
    def prepare(place: Place) -> None:
        use(place)
        (place.folder / name).unlink()

    return prepare


def responding(use: Callable[[Place], None], service: str, status: int, body: str) -> Callable[[Place], None]:
    def prepare(place: Place) -> None:
        use(place)
        place.accounts.responses[service] = Response(status, body)

    return prepare


def program(source: str) -> Callable[[Place], None]:
    """Let credential_process be a program of Python."""

    def prepare(place: Place) -> None:
        command = f"{shlex.quote(sys.executable)} {shlex.quote(place.write('other.py', source))}"
        place.env(AWS_CONFIG_FILE=place.write("config", f"[default]\ncredential_process = {command}\n"))

    return prepare


def no_program(place: Place) -> None:
    place.env(AWS_CONFIG_FILE=place.write("config", "[default]\ncredential_process = /no/such/program --now\n"))


def expired_program(place: Place) -> None:
    place.accounts.life_seconds = -60.0
    use_process(place)


def closed_port(place: Place) -> None:
    use_web_identity(place)
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        place.env(AWS_ENDPOINT_URL_STS=f"http://127.0.0.1:{unused.getsockname()[1]}")


def elsewhere(place: Place) -> None:
    use_container(place)
    place.env(AWS_CONTAINER_CREDENTIALS_FULL_URI="http://198.51.100.1/credentials")


def unusable_token(place: Place) -> None:
    use_container(place)
    place.write("container-token", "one\ntwo")


def never_signed_on(place: Place) -> None:
    use_sign_on(place)
    for token in (place.folder / "sso").iterdir():
        token.unlink()


def signed_on_long_ago(place: Place) -> None:
    use_sign_on(place)
    sign_on(place, timedelta(hours=-1))
    place.accounts.down.add("oidc")


def signed_out(place: Place) -> None:
    use_sign_on(place)
    place.accounts.sign_on_tokens.discard(SIGN_ON_TOKEN)


def silent_instance(place: Place) -> None:
    use_instance(place)
    place.accounts.responses["imds"] = Response(200, "{}")


DENIED = "<ErrorResponse><Error><Code>AccessDenied</Code><Message>not you</Message></Error></ErrorResponse>"
LOGIN = "aws sso login"

FAILURES: dict[str, tuple[Callable[[Place], None], str]] = {
    "container: no token file": (without_file(use_container, "container-token"), r"container.*container-token"),
    "container: unusable token": (unusable_token, r"container.*header"),
    "container: host that is rejected": (elsewhere, r"container.*198\.51\.100\.1"),
    "container: no JSON": (responding(use_container, "ecs", 200, "invalid"), r"container.*JSON"),
    "container: empty JSON": (responding(use_container, "ecs", 200, "{}"), r"container.*AccessKeyId"),
    "container: other JSON": (responding(use_container, "ecs", 200, "[]"), r"container"),
    "container: rejected": (responding(use_container, "ecs", 403, "no"), r"container.*403"),
    "web identity: no token file": (without_file(use_web_identity, "web-identity"), r"WebIdentity.*web-identity"),
    "web identity: rejected": (responding(use_web_identity, "sts", 403, DENIED), r"AccessDenied: not you"),
    "web identity: no XML": (responding(use_web_identity, "sts", 200, "invalid"), r"WebIdentity"),
    "web identity: nobody there": (closed_port, r"WebIdentity.*127\.0\.0\.1"),
    "role: rejected": (responding(use_role, "sts", 403, DENIED), r"AssumeRole got the response AccessDenied: not you"),
    "process: not installed": (no_program, r"credential_process.*/no/such/program"),
    "process: no JSON": (program("print('hello')"), r"credential_process"),
    "process: other JSON": (program("print('[]')"), r"credential_process"),
    "process: half of it": (program("print('{\"Version\": 1}')"), r"credential_process.*AccessKeyId"),
    "process: other version": (program("print('{\"Version\": 9}')"), r"credential_process.*9"),
    "process: fails": (program("import sys; sys.exit('sealed')"), r"credential_process.*sealed"),
    "process: expired": (expired_program, r"expired"),
    "sso: never signed on": (never_signed_on, LOGIN),
    "sso: signed on long ago": (signed_on_long_ago, LOGIN),
    "sso: signed out": (signed_out, LOGIN),
    "sso: fails": (responding(use_sign_on, "sso", 400, "{}"), r"SSO"),
    "instance: nothing in it": (silent_instance, r"no credentials were found"),
}

VERBS: dict[str, Callable[[aios3.Session], object]] = {
    "read": lambda session: aios3.read_bytes(PATH, session=session),
    "exists": lambda session: aios3.exists(PATH, session=session),
    "isfile": lambda session: aios3.isfile(PATH, session=session),
    "stat": lambda session: aios3.stat(PATH, session=session),
    "list": lambda session: aios3.listdir("s3://bucket/", session=session),
    "write": lambda session: aios3.write_bytes(PATH, b"x", session=session),
    "presign": lambda session: aios3.presign(PATH, session=session),
}


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("failure", FAILURES)
async def test_whatever_a_source_raises_is_an_error_of_credentials(place: Place, failure, transport):
    prepare, text = FAILURES[failure]
    prepare(place)
    async with aios3.Session(transport=transport) as session:
        for name, verb in VERBS.items():
            with pytest.raises(aios3.CredentialsError, match=text) as caught:
                await verb(session)
            error = caught.value
            assert type(error) in {aios3.CredentialsError, aios3.NoCredentialsError}, name
            assert (error.path or "").startswith("s3://bucket")
            assert "nobody-may-see" not in f"{error} {error!r} {error.__cause__}"
            assert "\n" not in str(error)


def half_a_role(place: Place) -> None:
    place.env(AWS_CONFIG_FILE=place.write("config", "[default]\nrole_arn = arn:aws:iam::1:role/x\n"))


def half_a_sign_on(place: Place) -> None:
    place.env(AWS_CONFIG_FILE=place.write("config", "[default]\nsso_account_id = 1\nsso_role_name = x\n"))


def half_a_pair(place: Place) -> None:
    place.env(AWS_ACCESS_KEY_ID="AKIA")


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize(
    ("prepare", "text"), [(half_a_role, "source_profile"), (half_a_sign_on, "sso_start_url"), (half_a_pair, "SECRET")]
)
async def test_a_setting_that_is_missing_is_an_error_of_settings(place: Place, prepare, text, transport):
    prepare(place)
    async with aios3.Session(transport=transport) as session:
        with pytest.raises(aios3.ConfigError, match=text):
            await aios3.read_bytes(PATH, session=session)


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_the_profile_is_named_with_what_to_run(place: Place, transport):
    never_signed_on(place)
    text = (place.folder / "config").read_text().replace("[default]", "[profile work]")
    place.write("config", text)
    async with aios3.Session(profile="work", transport=transport) as session:
        with pytest.raises(aios3.CredentialsError, match=r"'work'.*run `aws sso login --profile work`"):
            await aios3.read_bytes(PATH, session=session)


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_a_sign_on_that_ends_is_renewed_by_its_refresh_token(place: Place, transport):
    use_sign_on(place)
    sign_on(place, timedelta(minutes=1))
    async with aios3.Session(transport=transport) as session:
        await aios3.read_bytes(PATH, session=session)
    assert place.accounts.counts == {"oidc": 1, "sso": 1}


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_the_session_keeps_its_identity_when_its_source_is_empty_for_a_while(place: Place, transport):
    """A tool empties the file before it writes it; the machine's own role must not be taken in that moment."""
    SOURCES["shared credentials file"](place)
    rotate, set_down = place.rotate, place.set_down
    use_instance(place)
    async with aios3.Session(transport=transport) as session:
        await aios3.read_bytes(PATH, session=session)
        place.accounts.void()
        set_down(True)
        with pytest.raises(aios3.CredentialsError, match="shared-credentials-file"):
            await aios3.read_bytes(PATH, session=session)
        assert place.accounts.counts["imds"] == 0
        rotate()
        place.accounts.advance(2)
        await aios3.read_bytes(PATH, session=session)


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize(("life", "extended"), [(60.0, False), (3600.0, False), (-60.0, True)])
async def test_instance_credentials_expire_as_stated_unless_that_time_has_passed(
    place: Place, transport, life, extended
):
    place.accounts.life_seconds = life
    use_instance(place)
    async with aios3.Session(transport=transport) as session:
        # This S3 knows nothing of the extension.
        rejected = pytest.raises(aios3.CredentialsError, match="ExpiredToken") if extended else contextlib.nullcontext()
        with rejected:
            await aios3.read_bytes(PATH, session=session)
        known = session._transports[None].credential_cache.describe()
        assert known.kind == "iam-role"
        assert (known.expires_at > place.accounts.given[0].expires_at) == extended


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("source", [name for name in SOURCES if name != "environment"])
async def test_describe_names_the_kind_and_the_expiry_of_credentials(place: Place, source, transport):
    kinds = {
        "callback": "callback",
        "environment with an end": "env",
        "shared credentials file": "shared-credentials-file",
        "credential_process": "custom-process",
        "instance metadata": "iam-role",
        "container": "container-role",
        "web identity": "assume-role-with-web-identity",
        "assumed role": "assume-role",
        "single sign-on": "sso",
    }
    SOURCES[source](place)
    async with aios3.Session(**place.options, transport=transport) as session:
        await aios3.read_bytes(PATH, session=session)
        await renewed(session)
        known = session._transports[None].credential_cache.describe()
    assert known.kind == kinds[source]
    ends = place.accounts.given[-1].expires_at
    assert known.expires_at == (None if source == "shared credentials file" else ends)
    assert SECRET not in repr(known)
