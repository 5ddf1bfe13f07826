"""What arguments and environment say by themselves, without aiobotocore: who to be, which endpoint, which region.

aiobotocore's chain answers every question, but importing it takes half a second. Where credentials, and an endpoint or
region, are given plainly, the answer needs no chain; :func:`plain_settings` returns None wherever it might.
"""

from __future__ import annotations

import os.path
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aios3._config import Credentials
from aios3._endpoints import has_plain_rules

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aios3._config import AddressingStyle, Config

_CHAIN_VARIABLES = (
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_USE_FIPS_ENDPOINT",
    "AWS_USE_DUALSTACK_ENDPOINT",
    "AWS_S3_US_EAST_1_REGIONAL_ENDPOINT",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    "AWS_DATA_PATH",
    "AWS_CREDENTIAL_EXPIRATION",
)
"""Variables whose meaning only botocore knows; any of them asks for the chain."""

_PLAIN_KEYS = frozenset(
    {"region", "output", "cli_pager", "aws_access_key_id", "aws_secret_access_key", "aws_session_token"}
)
"""Settings of a profile that change nothing else about S3."""


@dataclass(frozen=True, slots=True)
class PlainSettings:
    """Everything that requests need, as it was given."""

    credentials: Credentials | None
    """Who to be; None signs nothing."""
    endpoint_url: str | None
    """Where the server is; None is Amazon's endpoint of the region."""
    region: str
    addressing_style: AddressingStyle
    ca_bundle: str | None
    """A file of certificate authorities that the environment names."""


def plain_settings(config: Config, profile: str | None, environ: Mapping[str, str]) -> PlainSettings | None:
    """Return what ``config`` and ``environ`` say, or None where profiles, files or other chains may have a say."""
    if profile is not None or config.profile is not None or any(environ.get(name) for name in _CHAIN_VARIABLES):
        return None
    try:
        credentials, stored_region = _credentials(config, environ), _region_of_file(environ)
    except _ChainNeededError:
        return None
    endpoint_url = config.endpoint_url or environ.get("AWS_ENDPOINT_URL_S3") or environ.get("AWS_ENDPOINT_URL") or None
    region = config.region or environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION") or stored_region
    if endpoint_url is None and not (region and has_plain_rules(region)):
        return None
    ca_bundle = environ.get("AWS_CA_BUNDLE") or environ.get("REQUESTS_CA_BUNDLE") or None
    return PlainSettings(credentials, endpoint_url, region or "us-east-1", config.addressing_style, ca_bundle)


class _ChainNeededError(Exception):
    """Raised inside where the answer may depend on what only botocore reads."""


def _credentials(config: Config, environ: Mapping[str, str]) -> Credentials | None:
    if config.credentials == "anonymous":
        return None
    if isinstance(config.credentials, Credentials):
        return config.credentials
    access_key, secret_key = environ.get("AWS_ACCESS_KEY_ID"), environ.get("AWS_SECRET_ACCESS_KEY")
    if config.credentials is not None or not access_key or not secret_key:
        raise _ChainNeededError
    return Credentials(access_key, secret_key, environ.get("AWS_SECURITY_TOKEN") or environ.get("AWS_SESSION_TOKEN"))


def _region_of_file(environ: Mapping[str, str]) -> str | None:
    """Return the region in the default profile of the configuration file, if that says nothing else that matters."""
    try:
        # pathlib would take longer to import than all of this takes to run.
        name = os.path.expanduser(environ.get("AWS_CONFIG_FILE") or "~/.aws/config")  # noqa: PTH111 - see above
        with open(name, encoding="utf-8") as file:  # noqa: PTH123 - see above
            text = file.read()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise _ChainNeededError from error  # botocore has its own words for what is wrong with the file
    import configparser  # noqa: PLC0415 - slow to import, and often there is no such file

    parser = configparser.RawConfigParser(default_section="")
    try:
        parser.read_string(text)
    except configparser.Error as error:
        raise _ChainNeededError from error
    settings = dict(parser.items("default")) if parser.has_section("default") else {}
    if not settings.keys() <= _PLAIN_KEYS:
        raise _ChainNeededError
    return settings.get("region")
