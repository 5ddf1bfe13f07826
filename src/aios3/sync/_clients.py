"""boto3's client with the settings of a session, for what aios3 has no verb for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aios3 import _session
from aios3._arguments import check_arguments
from aios3.errors import ConfigError

if TYPE_CHECKING:
    from aios3._boto.native import BaseClient


def get_s3_client(profile: str | None = None, *, session: _session.Session | None = None) -> BaseClient:
    """Return a new boto3 client with the session's settings, or with those of a profile of ``~/.aws``.

    It belongs to the caller, and shares neither connections nor limits with aios3; its errors are botocore's. Raises
    UnsupportedError if boto3 is not installed, or where the session's credentials are a function.
    """
    check_arguments(profile=profile)
    from aios3._boto.native import blocking_client  # noqa: PLC0415 - botocore is slow to import

    if not (session is None or isinstance(session, _session.Session)):
        message = f"session must be an aios3.Session, not {type(session).__name__}"
        raise ConfigError(message)
    settings = session or _session.Session()
    return blocking_client(settings.config_for(profile).with_environment())
