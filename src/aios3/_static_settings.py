"""Static settings: credentials, endpoint and region that botocore's rules and chains cannot change.

aiobotocore's chain resolves every setting, but importing it takes half a second. Where credentials, and an endpoint or
region, are given plainly, no chain is needed; :func:`resolve_statically` returns None wherever it might be.
"""

from __future__ import annotations

import os.path
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aios3._config import Credentials
from aios3._endpoints import has_standard_endpoint

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aios3._config import AddressingStyle, Config
    from aios3._profiles import Section
    from aios3._settings import Settings

CHAIN_VARIABLES = frozenset(
    {
        "AWS_ACCOUNT_ID_ENDPOINT_MODE",
        "AWS_AUTH_SCHEME_PREFERENCE",
        "AWS_CREDENTIAL_EXPIRATION",
        "AWS_DATA_PATH",
        "AWS_DEFAULTS_MODE",
        "AWS_REQUEST_MIN_COMPRESSION_SIZE_BYTES",
        "AWS_S3_DISABLE_EXPRESS_SESSION_AUTH",
        "AWS_S3_DISABLE_MULTIREGION_ACCESS_POINTS",
        "AWS_S3_USE_ARN_REGION",
        "AWS_S3_US_EAST_1_REGIONAL_ENDPOINT",
        "AWS_SIGV4A_SIGNING_REGION_SET",
        "AWS_STS_REGIONAL_ENDPOINTS",
        "AWS_USE_DUALSTACK_ENDPOINT",
        "AWS_USE_FIPS_ENDPOINT",
        "BOTOCORE_EXPERIMENTAL__PLUGINS",
    }
)
"""Variables whose meaning only botocore knows; any of them asks for the chain, also an empty one."""

HARMLESS_VARIABLES = frozenset(
    {
        "AWS_CSM_CLIENT_ID",
        "AWS_CSM_ENABLED",
        "AWS_CSM_HOST",
        "AWS_CSM_PORT",
        "AWS_DISABLE_HOST_PREFIX_INJECTION",
        "AWS_DISABLE_REQUEST_COMPRESSION",
        "AWS_EC2_METADATA_SERVICE_ENDPOINT",
        "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE",
        "AWS_EC2_METADATA_V1_DISABLED",
        "AWS_ENDPOINT_DISCOVERY_ENABLED",
        "AWS_IMDS_USE_IPV6",
        "AWS_METADATA_SERVICE_NUM_ATTEMPTS",
        "AWS_METADATA_SERVICE_TIMEOUT",
        "AWS_RETRY_MODE",
        "AWS_SDK_UA_APP_ID",
        "BOTOCORE_TCP_KEEPALIVE",
    }
)
"""Variables of botocore's that change neither where a request to S3 goes nor who signs it, if keys are given."""

STATIC_KEYS = frozenset(
    {
        "aws_access_key_id",
        "aws_account_id",
        "aws_secret_access_key",
        "aws_security_token",
        "aws_session_token",
        "ca_bundle",
        "cli_auto_prompt",
        "cli_binary_format",
        "cli_history",
        "cli_pager",
        "cli_timestamp_format",
        "csm_client_id",
        "csm_enabled",
        "csm_host",
        "csm_port",
        "disable_host_prefix_injection",
        "disable_request_compression",
        "ec2_metadata_service_endpoint",
        "ec2_metadata_service_endpoint_mode",
        "ec2_metadata_v1_disabled",
        "endpoint_discovery_enabled",
        "endpoint_url",
        "ignore_configured_endpoint_urls",
        "imds_use_ipv6",
        "max_attempts",
        "metadata_service_num_attempts",
        "metadata_service_timeout",
        "output",
        "region",
        "request_checksum_calculation",
        "response_checksum_validation",
        "retry_mode",
        "sdk_ua_app_id",
        "services",
        "tcp_keepalive",
    }
)
"""Settings of a profile that are read by :mod:`aios3._settings`, or that change nothing, as the variables above."""

_OTHER_MODELS = "~/.aws/models"
"""Where botocore looks for descriptions of services, and for rules of endpoints, that replace its own."""


@dataclass(frozen=True, slots=True)
class StaticSettings:
    """Everything that addresses and signatures need, as it was given."""

    credentials: Credentials | None
    """The signing credentials; None signs nothing."""
    endpoint_url: str | None
    """Where the server is; None is Amazon's endpoint of the region."""
    region: str
    addressing_style: AddressingStyle


def resolve_statically(config: Config, settings: Settings, environ: Mapping[str, str]) -> StaticSettings | None:
    """Return what is certain without botocore, or None where its rules or its chain may have a say."""
    if settings.profile is not None or not CHAIN_VARIABLES.isdisjoint(environ) or not _is_plain(settings.stored):
        return None
    if not _has_plain_endpoint(settings) or os.path.isdir(os.path.expanduser(_OTHER_MODELS)):  # noqa: PTH111, PTH112 - pathlib is slow to import
        return None
    try:
        credentials = _credentials(config, environ)
    except _ProviderChainNeededError:
        return None
    return StaticSettings(credentials, settings.endpoint_url, settings.region or "us-east-1", settings.addressing_style)


def _is_plain(stored: Section) -> bool:
    """Return whether a profile says nothing that only botocore understands."""
    below = stored.get("s3", {})
    if isinstance(below, str) or not below.keys() <= {"addressing_style"}:
        return False
    if below.get("addressing_style", "auto") not in {"auto", "path", "virtual"}:
        return False
    return stored.keys() <= STATIC_KEYS | {"s3"}


def _has_plain_endpoint(settings: Settings) -> bool:
    if settings.endpoint_url is None:
        return settings.region is not None and has_standard_endpoint(settings.region)
    if _is_alias(settings.region or ""):
        return False
    return "//s3-accelerate." not in settings.endpoint_url  # botocore has rules of its own for it


def _is_alias(region: str) -> bool:
    """Return whether botocore signs for a region of another name, as for ``fips-us-east-1`` and ``aws-global``."""
    return region == "aws-global" or "fips-" in region or "-fips" in region


class _ProviderChainNeededError(Exception):
    """Raised inside where the response may depend on what only botocore reads."""


def _credentials(config: Config, environ: Mapping[str, str]) -> Credentials | None:
    if config.credentials == "anonymous":
        return None
    if isinstance(config.credentials, Credentials):
        return config.credentials
    access_key, secret_key = environ.get("AWS_ACCESS_KEY_ID"), environ.get("AWS_SECRET_ACCESS_KEY")
    if config.credentials is not None or not access_key or not secret_key:
        raise _ProviderChainNeededError
    return Credentials(access_key, secret_key, environ.get("AWS_SECURITY_TOKEN") or environ.get("AWS_SESSION_TOKEN"))
