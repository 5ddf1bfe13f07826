"""The clients of botocore themselves, for what aios3 has no verb for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aios3._config import Credentials
from aios3.errors import ConfigError, UnsupportedError

if TYPE_CHECKING:
    from aiobotocore.client import AioBaseClient as AioBaseClient  # noqa: PLC0414 - handed on
    from botocore.client import BaseClient as BaseClient  # noqa: PLC0414 - likewise

    from aios3._config import Config


def blocking_client(config: Config) -> BaseClient:
    """Make a boto3 client with these settings; it knows nothing of the session's limits.

    Raises UnsupportedError without boto3, and for credentials that are a function: boto3 would call it once only.
    """
    try:
        import boto3  # noqa: PLC0415 - not installed with aios3
    except ImportError as error:
        message = "get_s3_client() of aios3.sync needs boto3: pip install boto3 (aios3 itself does not need it)"
        raise UnsupportedError(message) from error
    from botocore.exceptions import ProfileNotFound  # noqa: PLC0415 - slow to import

    options: dict[str, Any] = {"config": _botocore_config(config), "endpoint_url": config.endpoint_url}
    if config.verify is not True:
        options["verify"] = config.verify
    if isinstance(config.credentials, Credentials):
        options["aws_access_key_id"] = config.credentials.access_key
        options["aws_secret_access_key"] = config.credentials.secret_key
        options["aws_session_token"] = config.credentials.session_token
    elif callable(config.credentials):
        message = "A boto3 client cannot take credentials from a function; give it Credentials(...), or a profile"
        raise UnsupportedError(message)
    try:
        return boto3.Session(profile_name=config.profile, region_name=config.region).client("s3", **options)
    except ProfileNotFound as error:
        raise ConfigError(str(error)) from error


def _botocore_config(config: Config) -> Any:  # noqa: ANN401 - botocore has no types
    from botocore import UNSIGNED  # noqa: PLC0415 - slow to import
    from botocore.config import Config as BotocoreConfig  # noqa: PLC0415

    options: dict[str, Any] = {"signature_version": UNSIGNED} if config.credentials == "anonymous" else {}
    if config.addressing_style != "auto":
        options["s3"] = {"addressing_style": config.addressing_style}
    return BotocoreConfig(
        connect_timeout=config.connect_timeout,
        read_timeout=config.read_timeout,
        max_pool_connections=config.max_concurrency,
        retries={"mode": "standard", "total_max_attempts": config.max_attempts},
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        **options,
    )
