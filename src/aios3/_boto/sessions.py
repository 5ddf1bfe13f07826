"""aiobotocore's session of one profile; everything that reads files or is slow, for a thread."""

from __future__ import annotations

import functools
import logging
import os
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aios3._config import Config, Credentials

DEFAULT_REGION = "us-east-1"

signed_with: ContextVar[Credentials | None] = ContextVar("aios3 credentials of botocore's last signature", default=None)
"""What botocore has signed the running task's last request with."""


def new_session(config: Config, profile: str | None) -> Any:  # noqa: ANN401 - botocore has no types
    """Make aiobotocore's session, which has read the profile's files; raises if there is no such profile."""
    from aiobotocore.session import AioSession  # noqa: PLC0415 - 0.3 s, paid by who needs it

    _be_quiet()
    session = AioSession(profile=profile or config.profile)
    session.get_scoped_config()
    region = config.region or os.environ.get("AWS_REGION") or session.get_config_variable("region") or DEFAULT_REGION
    session.set_config_variable("region", region)
    session.register_component("data_loader", loader_of(session.get_config_variable("data_path")))
    return session


@functools.cache
def loader_of(data_path: str | None) -> Any:  # noqa: ANN401 - botocore has no types
    """Make what reads botocore's descriptions of services; one for all, because that takes a tenth of a second."""
    from botocore.loaders import create_loader  # noqa: PLC0415 - slow to import

    return create_loader(data_path)


@functools.cache
def _be_quiet() -> None:
    """Keep aiobotocore's warnings off stderr where nobody has set logging up, as botocore does with its own.

    It logs with a traceback what is raised anyhow. Handlers that somebody has set up get it as before.
    """
    logging.getLogger("aiobotocore").addHandler(logging.NullHandler())
