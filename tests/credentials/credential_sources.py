"""Every kind of source of credentials, set up as it is in the field; each gives what the test's services give."""

from __future__ import annotations

import json
import shlex
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha1
from typing import TYPE_CHECKING, Any

import aios3
from servers.accounts import CONTAINER_TOKEN, REFRESH_TOKEN, ROLE, SECRET, SIGN_ON_TOKEN, WEB_IDENTITY

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pytest

    from servers.accounts import Accounts, Given


@dataclass
class Place:
    """A machine: its environment, its files, and the services that it can ask."""

    accounts: Accounts
    folder: Path
    monkeypatch: pytest.MonkeyPatch
    options: dict[str, Any] = field(default_factory=dict)
    """Settings of the session."""
    rotate: Callable[[], None] = lambda: None
    """What an operator or a tool does when credentials end, where the source does not make them itself."""
    set_down: Callable[[bool], None] = lambda _is_down: None
    """Have the source fail, or work again."""
    count: Callable[[], int] = lambda: 0
    """How often the source was asked; 0 where nobody can tell."""

    def env(self, **values: str) -> None:
        """Set variables of the environment."""
        for name, value in values.items():
            self.monkeypatch.setenv(name, value)

    def write(self, name: str, text: str) -> str:
        """Write a file, and return its name."""
        (self.folder / name).write_text(text)
        return str(self.folder / name)

    def serves(self, name: str) -> None:
        """Let the source be one of the services."""
        accounts = self.accounts

        def set_down(is_down: bool) -> None:
            accounts.down = {name} if is_down else set()

        self.set_down, self.count = set_down, lambda: accounts.counts[name]


def use_callback(place: Place) -> None:
    """Have a function of the program give them."""
    asked: list[int] = []
    down: list[bool] = [False]

    async def fetch() -> aios3.Credentials:
        asked.append(1)
        if down[0]:
            message = "the vault is sealed"
            raise OSError(message)
        given = place.accounts.give()
        return aios3.Credentials(given.access_key, SECRET, given.session_token, given.expires_at)

    def set_down(is_down: bool) -> None:
        down[0] = is_down

    place.options["credentials"] = fetch
    place.set_down, place.count = set_down, lambda: len(asked)


def _in_environment(place: Place, *, with_end: bool) -> None:
    def rotate() -> None:
        given = place.accounts.give()
        place.env(
            AWS_ACCESS_KEY_ID=given.access_key, AWS_SECRET_ACCESS_KEY=SECRET, AWS_SESSION_TOKEN=given.session_token
        )
        if with_end:
            place.env(AWS_CREDENTIAL_EXPIRATION=given.expires_at.isoformat())

    def set_down(is_down: bool) -> None:
        if is_down:
            place.monkeypatch.delenv("AWS_ACCESS_KEY_ID")

    place.rotate, place.set_down = rotate, set_down
    rotate()


def use_environment(place: Place) -> None:
    """Have them in the environment, which does not say when they end."""
    _in_environment(place, with_end=False)


def use_environment_with_end(place: Place) -> None:
    """Have them in the environment, with their end."""
    _in_environment(place, with_end=True)


def use_shared_file(place: Place) -> None:
    """Have a tool write ``~/.aws/credentials`` anew."""
    name = place.write("credentials", "")
    place.env(AWS_SHARED_CREDENTIALS_FILE=name)

    def rotate() -> None:
        place.write("credentials", f"[default]\n{_as_profile(place.accounts.give())}")

    def set_down(is_down: bool) -> None:
        if is_down:
            place.write("credentials", "")

    place.rotate, place.set_down = rotate, set_down
    rotate()


def _as_profile(given: Given) -> str:
    keys = f"aws_access_key_id = {given.access_key}\naws_secret_access_key = {SECRET}\n"
    return f"{keys}aws_session_token = {given.session_token}\n"


def use_process(place: Place) -> None:
    """Have a program print them (``credential_process``)."""
    asked, document = place.folder / "asked", place.folder / "printed"
    program = f"import sys\nopen({str(asked)!r}, 'a').write('x')\nsys.stdout.write(open({str(document)!r}).read())\n"
    command = f"{shlex.quote(sys.executable)} {shlex.quote(place.write('program.py', program))}"
    place.env(AWS_CONFIG_FILE=place.write("config", f"[default]\ncredential_process = {command}\n"))

    def rotate() -> None:
        given = place.accounts.give()
        keys = {"AccessKeyId": given.access_key, "SecretAccessKey": SECRET, "SessionToken": given.session_token}
        document.write_text(json.dumps({"Version": 1, **keys, "Expiration": given.expires_at.isoformat()}))

    def set_down(is_down: bool) -> None:
        if is_down:
            document.unlink()

    place.rotate, place.set_down = rotate, set_down
    place.count = lambda: len(asked.read_text()) if asked.exists() else 0
    rotate()


def use_instance(place: Place) -> None:
    """Have the metadata of an EC2 instance (IMDSv2)."""
    place.env(AWS_EC2_METADATA_DISABLED="false", AWS_EC2_METADATA_SERVICE_ENDPOINT=f"{place.accounts.url}/imds")
    place.serves("imds")


def use_container(place: Place) -> None:
    """Have the credentials of an ECS task, or of a pod at EKS (Pod Identity)."""
    token = place.write("container-token", CONTAINER_TOKEN)
    place.env(
        AWS_CONTAINER_CREDENTIALS_FULL_URI=f"{place.accounts.url}/ecs/credentials",
        AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=token,
    )
    place.serves("ecs")


def use_web_identity(place: Place) -> None:
    """Have the web identity token of a service account at EKS (IRSA)."""
    token = place.write("web-identity", WEB_IDENTITY)
    place.env(AWS_ROLE_ARN=ROLE, AWS_WEB_IDENTITY_TOKEN_FILE=token, AWS_ENDPOINT_URL_STS=f"{place.accounts.url}/sts")
    place.serves("sts")


def use_role(place: Place, more: str = "") -> None:
    """Have a role of the profile assumed."""
    place.accounts.amazon.add_key("AKIABASE", SECRET)
    base = f"[profile base]\naws_access_key_id = AKIABASE\naws_secret_access_key = {SECRET}\n"
    role = f"[default]\nrole_arn = {ROLE}\nsource_profile = base\nregion = us-east-1\n{more}"
    place.env(AWS_CONFIG_FILE=place.write("config", base + role), AWS_ENDPOINT_URL_STS=f"{place.accounts.url}/sts")
    place.serves("sts")


def use_sign_on(place: Place) -> None:
    """Have single sign-on, with a session that ``aws sso login`` has left."""
    session = f"[sso-session corp]\nsso_region = us-east-1\nsso_start_url = {place.accounts.url}/start\n"
    profile = "[default]\nsso_session = corp\nsso_account_id = 111122223333\nsso_role_name = reader\n"
    url = place.accounts.url
    place.env(AWS_CONFIG_FILE=place.write("config", session + profile))
    place.env(AWS_ENDPOINT_URL_SSO=f"{url}/sso", AWS_ENDPOINT_URL_SSO_OIDC=f"{url}/oidc")
    place.serves("sso")
    sign_on(place)


def sign_on(place: Place, ends_in: timedelta = timedelta(hours=8)) -> None:
    """Leave what ``aws sso login`` leaves."""
    from botocore.credentials import SSOProvider  # noqa: PLC0415 - slow to import
    from botocore.tokens import SSOTokenProvider  # noqa: PLC0415

    folder = place.folder / "sso"
    folder.mkdir(exist_ok=True)
    for provider in (SSOProvider, SSOTokenProvider):
        place.monkeypatch.setattr(provider, "_SSO_TOKEN_CACHE_DIR", str(folder))
    now = datetime.now(UTC)
    token = {
        "accessToken": SIGN_ON_TOKEN,
        "expiresAt": _zulu(now + ends_in),
        "startUrl": f"{place.accounts.url}/start",
        "region": "us-east-1",
        "clientId": "client",
        "clientSecret": "nobody-may-see-this",
        "refreshToken": REFRESH_TOKEN,
        "registrationExpiresAt": _zulu(now + timedelta(days=30)),
    }
    (folder / f"{sha1(b'corp').hexdigest()}.json").write_text(json.dumps(token))


def _zulu(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


SOURCES: dict[str, Callable[[Place], None]] = {
    "callback": use_callback,
    "environment": use_environment,
    "environment with an end": use_environment_with_end,
    "shared credentials file": use_shared_file,
    "credential_process": use_process,
    "instance metadata": use_instance,
    "container": use_container,
    "web identity": use_web_identity,
    "assumed role": use_role,
    "single sign-on": use_sign_on,
}
