"""botocore's chain of credential providers, asked anew each time, where nothing of it can block the event loop.

Each time everything is read again, and no copy of earlier responses is left. So old credentials that a server rejects
are replaced by new ones, whatever their provider.
"""

from __future__ import annotations

import asyncio
import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from aios3._boto.boto_errors import is_about_settings
from aios3._boto.boto_sessions import new_session
from aios3._boto.lazy_import import load_aiobotocore
from aios3._boto.private_loop import run_in_private_loop
from aios3._config import Credentials
from aios3._credentials import Signer
from aios3._settings import read_settings
from aios3.errors import ConfigError, CredentialsError, S3Error

if TYPE_CHECKING:
    from aios3._config import Config

_NAMES = {
    "assume-role": "the role of the profile (AssumeRole)",
    "assume-role-with-web-identity": "the role of a web identity token (AssumeRoleWithWebIdentity)",
    "config-file": "the configuration file",
    "container-role": "the container's credentials (AWS_CONTAINER_CREDENTIALS_FULL_URI or _RELATIVE_URI)",
    "custom-process": "credential_process of the profile",
    "env": "the environment (AWS_ACCESS_KEY_ID)",
    "iam-role": "instance metadata (IMDS)",
    "login": "the session of `aws login`",
    "shared-credentials-file": "the shared credentials file",
    "sso": "single sign-on (SSO)",
}
"""Names of each provider's ``METHOD`` in messages."""

_REMEDIES = {"login": "run `aws login`", "sso": "run `aws sso login`"}

_NO_SECOND_CODE = (
    "the role needs another code of the MFA device, which is asked for once a session; make a new session to type one"
)


class ProviderChain:
    """The providers of one configuration and profile."""

    def __init__(self, config: Config, profile: str | None) -> None:
        self._config = config
        self._profile = profile or config.profile
        self._code_was_good = False

    async def ask(self, kind: str | None) -> Signer | None:
        """Return the first credentials that a provider has, None if none has; only from the provider ``kind``, if any.

        Raises CredentialsError if a provider fails, ConfigError if its settings are wrong.
        """
        await load_aiobotocore()
        return await run_in_private_loop(lambda: self._ask(kind), name="aios3 credentials")

    async def _ask(self, kind: str | None) -> Signer | None:
        try:
            session = new_session(self._profile, read_settings(self._config, self._profile, os.environ))
            links = session.get_component("credential_provider").providers
        except Exception as error:
            raise self._failure(error, "the profile") from error
        for link in links:
            if kind in {None, link.METHOD}:
                signer = await self._ask_link(link)
                if signer is not None:
                    return signer
        return None

    async def _ask_link(self, link: Any) -> Signer | None:  # noqa: ANN401 - botocore has no types
        if getattr(link, "_popen", None) is not None:
            link._popen = _start  # noqa: SLF001 - without a public way
        prompted = _Prompter(link, may_ask=not self._code_was_good)
        ends = _ReportedExpiry(link)
        try:
            aio_credentials = await link.load()
            if aio_credentials is None:
                return None
            # What is loaded already is taken as it is: asked for it, botocore would renew what ends soon.
            keys = (
                getattr(aio_credentials, "_frozen_credentials", None) or await aio_credentials.get_frozen_credentials()
            )
            expires_at = ends.of(aio_credentials)
            credentials = Credentials(keys.access_key, keys.secret_key, keys.token, expires_at)
        except Exception as error:
            name = _NAMES.get(link.METHOD, link.METHOD)
            raise self._failure(error, name, _REMEDIES.get(link.METHOD)) from error
        self._code_was_good |= prompted.has_asked
        return Signer(credentials, link.METHOD)

    def _failure(self, error: Exception, name: str, remedy: str | None = None) -> S3Error:
        """Build the error for what went wrong on the way to credentials; whatever it is, it is not about an object."""
        if is_about_settings(error):
            return ConfigError(f"a setting or option is wrong ({_one_line(error)})")
        profile = f" of the profile {self._profile!r}" if self._profile else ""
        if remedy is not None and self._profile:
            remedy = f"{remedy[:-1]} --profile {self._profile}`"
        message = f"the credentials{profile} could not be fetched from {name}: {_reason(error)}"
        return CredentialsError(message + (f"; {remedy}" if remedy else ""))


def _reason(error: Exception) -> str:
    response: Any = getattr(error, "response", None)
    operation = getattr(error, "operation_name", None)
    if operation is not None and isinstance(response, dict):
        fields = response.get("Error", {})
        return f"{operation} got the response {fields.get('Code')}: {fields.get('Message')}"
    if isinstance(error, S3Error):
        return error.message
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename!r} cannot be read or run ({error.strerror})"
    if isinstance(error, EOFError):
        return "a code of the MFA device is to be typed, and there is no terminal for it"
    if type(error).__module__.startswith(("botocore", "aiobotocore")):
        return _one_line(error)
    return f"{type(error).__name__}: {_one_line(error)}"


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()).rstrip(".")


async def _start(*command: str, **options: Any) -> _Program:  # noqa: ANN401 - passed on as they are
    return _Program(await asyncio.create_subprocess_exec(*command, **options))


class _Program:
    """The methods that botocore uses of a ``credential_process``; it ends when the session is closed meanwhile."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @property
    def returncode(self) -> int | None:
        return self._process.returncode

    async def communicate(self) -> tuple[bytes, bytes]:
        """Return what it prints, on both streams."""
        try:
            return await self._process.communicate()
        finally:
            if self._process.returncode is None:
                self._process.kill()
                await self._process.wait()


class _Prompter:
    """In the place of what asks for a code of the MFA device, if ``link`` may ask for one.

    A code is good once. A program may run unattended when credentials end, so the code is requested once.
    """

    def __init__(self, link: Any, *, may_ask: bool) -> None:  # noqa: ANN401 - botocore has no types
        self._prompt = getattr(link, "_prompter", None)
        self._may_ask = may_ask
        self.has_asked = False
        if self._prompt is not None:
            link._prompter = self  # noqa: SLF001 - without a public way

    def __call__(self, text: str) -> str:
        if not self._may_ask or self._prompt is None:
            raise CredentialsError(_NO_SECOND_CODE)
        code: str = self._prompt(text)
        self.has_asked = True
        return code


class _ReportedExpiry:
    """When credentials of ``link`` end.

    botocore moves the end of an instance's credentials, if it is near, so that it asks less often. The token's own end
    stays where it is. It counts, unless it has passed. Then instance metadata cannot renew it, and S3 accepts it longer
    ("Static stability" in the guide of the SDKs).
    """

    def __init__(self, link: Any) -> None:  # noqa: ANN401 - botocore has no types
        self._reported: str | None = None
        fetcher: Any = getattr(link, "_role_fetcher", None)
        self._move = getattr(fetcher, "_evaluate_expiration", None)
        if self._move is not None:
            fetcher._evaluate_expiration = self._note  # noqa: SLF001 - without a public way

    def _note(self, credentials: dict[str, Any]) -> None:
        self._reported = credentials["expiry_time"]
        assert self._move is not None
        self._move(credentials)

    def of(self, credentials: Any) -> datetime | None:  # noqa: ANN401 - botocore has no types
        ends: datetime | None = getattr(credentials, "_expiry_time", None)
        if self._reported is not None:
            expiry = datetime.fromisoformat(self._reported)
            if expiry > datetime.now(UTC):
                return expiry
        return ends
