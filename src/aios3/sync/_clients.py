"""boto3's client with the settings and credentials of a session, for what aios3 has no verb for."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from aios3._arguments import check_arguments
from aios3._session import current_session
from aios3.sync import _loop_thread

if TYPE_CHECKING:
    from aios3._boto.boto3_clients import BaseClient
    from aios3._config import Config, Credentials
    from aios3._credentials import CredentialCache, Signer
    from aios3._session import Session
    from aios3._settings import Settings


def get_s3_client(profile: str | None = None, *, session: Session | None = None) -> BaseClient:
    """Return a new boto3 client with the session's settings, or with those of a profile of ``~/.aws``.

    It signs with the session's credentials, and says who pays and whose the buckets must be. It belongs to the caller,
    and shares neither connections nor limits with aios3. Credentials that end are renewed as long as the session is
    open. Its errors are botocore's, except those of credentials. Raises UnsupportedError if boto3 is not installed.
    """
    check_arguments(profile=profile)
    from aios3._boto.boto3_clients import blocking_client  # noqa: PLC0415 - botocore is slow to import

    basis = _loop_thread.call(_basis_of, session, profile)
    return blocking_client(basis.config, basis.settings, partial(_credentials_of, basis))


class _Basis(NamedTuple):
    """The parts of a client: whose it is, its settings, and who signs."""

    session: Session
    config: Config
    settings: Settings
    credential_cache: CredentialCache


async def _basis_of(session: Session | None, profile: str | None) -> _Basis:
    current = current_session(session)
    config = current.config_for(profile).with_environment()
    return _Basis(current, config, await current.settings_for(profile), current.credential_cache_for(profile))


def _credentials_of(basis: _Basis) -> Credentials:
    """Return who signs now; a closed session has those that it had, as long as they last."""
    cached = basis.credential_cache.cached()
    keys = (cached or _loop_thread.call(_ask, basis)).credentials
    assert keys is not None, "nothing is signed, and yet somebody asks"
    return keys


async def _ask(basis: _Basis) -> Signer:
    basis.session.bind()
    return await basis.credential_cache.get()
