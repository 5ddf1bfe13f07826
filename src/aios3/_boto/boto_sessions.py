"""aiobotocore's session of one profile; everything that reads files or is slow, for a thread."""

from __future__ import annotations

import functools
import logging
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from aios3._config import Credentials
    from aios3._settings import Settings

DEFAULT_REGION = "us-east-1"

signed_with: ContextVar[Credentials | None] = ContextVar("aios3 credentials of botocore's last signature", default=None)
"""The credentials that botocore has signed the running task's last request with."""


def new_session(profile: str | None, settings: Settings) -> Any:  # noqa: ANN401 - botocore has no types
    """Make aiobotocore's session, which has read the profile's files; raises for a missing profile."""
    from aiobotocore.session import AioSession  # noqa: PLC0415 - takes 0.3 s, only where it is used

    be_quiet()
    session = prepared_session(AioSession, profile, settings)
    session.get_scoped_config()
    session.register_component("data_loader", loader_of(session.get_config_variable("data_path")))
    return session


def prepared_session(kind: Callable[..., Any], profile: str | None, settings: Settings) -> Any:  # noqa: ANN401 - botocore has no types
    """Make a session of botocore's with the profile and region of ``settings``; an argument named ``profile``."""
    from botocore.configprovider import ConstantProvider  # noqa: PLC0415 - slow to import

    session = kind(profile=profile)
    if profile is None:  # botocore would take an empty AWS_PROFILE for the name of a profile
        session.get_component("config_store").set_config_provider("profile", ConstantProvider(settings.profile))
    session.set_config_variable("region", settings.region or DEFAULT_REGION)
    return session


@functools.cache
def loader_of(data_path: str | None) -> Any:  # noqa: ANN401 - botocore has no types
    """Make what reads botocore's descriptions of services; one for all, because that takes a tenth of a second."""
    from botocore.loaders import create_loader  # noqa: PLC0415 - slow to import

    return create_loader(data_path)


@functools.cache
def be_quiet() -> None:
    """Keep aiobotocore's warnings off stderr if logging is not configured, as botocore does with its own.

    It logs with a traceback what is raised anyhow. Configured handlers get them as before.
    """
    logging.getLogger("aiobotocore").addHandler(logging.NullHandler())
