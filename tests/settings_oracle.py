"""Surroundings of a program (files, variables, arguments), and what botocore makes of them. Nothing is sent."""

from __future__ import annotations

import copy
import os
import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from unittest import mock

from botocore import UNSIGNED
from botocore.awsrequest import AWSResponse
from botocore.config import Config as BotocoreConfig
from botocore.configprovider import ConstantProvider
from botocore.loaders import create_loader
from botocore.session import Session as BotocoreSession

from aios3 import Config, Credentials

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

BUCKETS = ("bucket", "bu.cket")
SIGNED = re.compile(r"Credential=([^/]+)/\d+/([^/]+)/")
LOADER = create_loader(None)
"""One for all clients: reading the descriptions of services is most of the work."""


def loader(_data_path: str | None = None) -> Any:
    """Return a loader that shares what :data:`LOADER` has read; boto3 adds to the paths of its own."""
    shared = copy.copy(LOADER)
    shared._search_paths = list(LOADER._search_paths)
    return shared


@dataclass(frozen=True)
class Surroundings:
    """Where a program runs. ``{pem}`` and ``{other_pem}`` in texts stand for files of authorities."""

    config: str = ""
    credentials: str = ""
    variables: dict[str, str] = field(default_factory=dict)
    arguments: dict[str, Any] = field(default_factory=dict)

    def entered(self, directory: Path) -> AbstractContextManager[Any]:
        """Write the files, and return what sets the variables, and no others."""
        pems = {"pem": str(directory / "a.pem"), "other_pem": str(directory / "b.pem")}
        for name, text in (("config", self.config), ("credentials", self.credentials)):
            (directory / name).write_text(_filled(text, pems))
        environ = {name: _filled(value, pems) for name, value in self.variables.items()}
        environ |= {
            "HOME": str(directory),
            "AWS_CONFIG_FILE": str(directory / "config"),
            "AWS_SHARED_CREDENTIALS_FILE": str(directory / "credentials"),
            "AWS_EC2_METADATA_DISABLED": "true",
            "BOTO_CONFIG": os.devnull,
        }
        return mock.patch.dict(os.environ, environ, clear=True)

    def our_config(self, directory: Path) -> Config:
        arguments = dict(self.arguments)
        if arguments.get("verify") == "{pem}":
            arguments["verify"] = str(directory / "a.pem")
        return Config(**arguments)


def _filled(text: str, values: dict[str, str]) -> str:
    for name, value in values.items():
        text = text.replace(f"{{{name}}}", value)
    return text


@dataclass(frozen=True)
class Outcome:
    """What somebody would do there."""

    urls: tuple[str, ...]
    region: str
    access_key: str | None
    verify: bool | str | None
    """None where there is no TLS, so that nobody looks at it."""
    attempts: int
    sends_checksums: bool | None
    """None: nobody has said anything."""
    compares_checksums: bool


# How the decided differences are told to botocore: the surroundings in which it does what aios3 does in the given ones.


def _without_empty(there: Surroundings) -> Surroundings:
    kept = {name: value for name, value in there.variables.items() if value or name not in READ_BY_US}
    return replace(there, variables=kept)


def _region_of_lambda(there: Surroundings) -> Surroundings:
    variables = dict(there.variables)
    if region := variables.pop("AWS_REGION", None):
        variables["AWS_DEFAULT_REGION"] = region
    return replace(there, variables=variables)


def _oss_endpoint(there: Surroundings) -> Surroundings:
    variables = dict(there.variables)
    if (endpoint := variables.pop("OSS_ENDPOINT", None)) and "endpoint_url" not in there.arguments:
        return replace(there, variables=variables, arguments=there.arguments | {"endpoint_url": endpoint})
    return replace(there, variables=variables)


def _retry_mode(there: Surroundings) -> Surroundings:
    variables = {name: value for name, value in there.variables.items() if name != "AWS_RETRY_MODE"}
    return replace(there, variables=variables)


READ_BY_US = {
    "AWS_CA_BUNDLE",
    "AWS_DEFAULT_PROFILE",
    "AWS_DEFAULT_REGION",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_S3",
    "AWS_MAX_ATTEMPTS",
    "AWS_PROFILE",
    "AWS_REGION",
    "AWS_REQUEST_CHECKSUM_CALCULATION",
    "AWS_RESPONSE_CHECKSUM_VALIDATION",
    "REQUESTS_CA_BUNDLE",
}

DECIDED: dict[str, Callable[[Surroundings], Surroundings]] = {
    "a variable that is set and empty": _without_empty,
    "`AWS_REGION`": _region_of_lambda,
    "`OSS_ENDPOINT`": _oss_endpoint,
    "`AWS_RETRY_MODE`, `retry_mode`": _retry_mode,
}
"""By their names in the table of docs/guide/configuration.md. Beside them, in :func:`by_botocore`: no region at all,
the bounds of attempts, and that checksums are not sent to everybody where nobody says anything."""

MAX_ATTEMPTS = 100
DEFAULT_ATTEMPTS = 5


def by_botocore(there: Surroundings, directory: Path) -> Outcome:
    """Return what botocore does; raises what it raises."""
    for tell in DECIDED.values():
        there = tell(there)
    with there.entered(directory):
        return _asked(there.our_config(directory))


def _asked(config: Config) -> Outcome:
    session = BotocoreSession(profile=config.profile)
    session.register_component("data_loader", loader())
    client = session.create_client("s3", **_options(config, session))
    unsaid = _is_unsaid(session, "request_checksum_calculation") and config.checksums == "auto"
    outcome = of_client(client)
    return replace(outcome, sends_checksums=None) if unsaid else outcome


def of_client(client: Any) -> Outcome:
    """Return what a blocking client of botocore would do."""
    requests: list[Any] = []
    client.meta.events.register_first("before-send.s3.HeadBucket", lambda request, **_: _seen(requests, request))
    for bucket in BUCKETS:
        client.head_bucket(Bucket=bucket)
    settings, signed = client.meta.config, SIGNED.search(_text(requests[0].headers.get("Authorization", "")))
    verify = client._endpoint.http_session._verify
    attempts = (settings.retries or {}).get("total_max_attempts") or DEFAULT_ATTEMPTS
    return Outcome(
        urls=tuple(request.url for request in requests),
        region=signed[2] if signed else client.meta.region_name,
        access_key=signed[1] if signed else None,
        verify=verify if requests[0].url.startswith("https://") else None,
        attempts=min(attempts, MAX_ATTEMPTS),
        sends_checksums=settings.request_checksum_calculation == "when_supported",
        compares_checksums=settings.response_checksum_validation == "when_supported",
    )


def _options(config: Config, session: BotocoreSession) -> dict[str, Any]:
    more: dict[str, Any] = {}
    if config.credentials == "anonymous":
        more["signature_version"] = UNSIGNED
    if config.addressing_style != "auto":
        more["s3"] = {"addressing_style": config.addressing_style}
    if config.max_attempts is not None:
        more["retries"] = {"total_max_attempts": config.max_attempts}
    if config.checksums != "auto":
        said = "when_required" if config.checksums == "off" else "when_supported"
        more |= {"request_checksum_calculation": said, "response_checksum_validation": said}
    options: dict[str, Any] = {
        "config": BotocoreConfig(**more),
        "endpoint_url": config.endpoint_url,
        "region_name": config.region or session.get_config_variable("region") or "us-east-1",
        "verify": None if config.verify is True else config.verify,
    }
    if isinstance(config.credentials, Credentials):
        options["aws_access_key_id"] = config.credentials.access_key
        options["aws_secret_access_key"] = config.credentials.secret_key
    return options


def _seen(requests: list[Any], request: Any) -> AWSResponse:
    requests.append(request)
    return AWSResponse(request.url, 200, {}, _NoBody())


class _NoBody:
    def stream(self) -> Iterator[bytes]:
        return iter(())


def _text(value: str | bytes) -> str:
    return value if isinstance(value, str) else value.decode()


def _is_unsaid(session: BotocoreSession, name: str) -> bool:
    chain = session.get_component("config_store").get_config_provider(name)._providers
    return all(each.provide() is None for each in chain if not isinstance(each, ConstantProvider))
