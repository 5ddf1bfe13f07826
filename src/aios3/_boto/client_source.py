"""aiobotocore's client: made at first use, once, without ever blocking the event loop."""

from __future__ import annotations

import asyncio
import os
import re
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from aios3._boto.boto_responses import keep_body
from aios3._boto.boto_sessions import loader_of, new_session
from aios3._boto.bulk_responses import WITH_CONTENT_MD5, with_content_md5
from aios3._boto.clock_skew import sign_by
from aios3._boto.endpoint_probe import address_of, install_probe
from aios3._boto.extra_headers import add_headers
from aios3._boto.header_check import reject_control_characters
from aios3._boto.lazy_import import load_aiobotocore
from aios3._boto.ownership_headers import install_ownership
from aios3._boto.upload_stream import UploadStream
from aios3._boto.xml_repair import repair_xml
from aios3._ca_bundle import check_ca_bundle
from aios3._endpoints import addressing_style_for
from aios3._logs import divert_libraries
from aios3._secrets import scrub
from aios3._settings import read_settings
from aios3.errors import ClosedHandleError, ConfigError

if TYPE_CHECKING:
    from aios3._backend import BucketAddress
    from aios3._boto.endpoint_probe import Client
    from aios3._clock import Clock
    from aios3._config import AddressingStyle, Config
    from aios3._credentials import CredentialCache
    from aios3._regions import BucketRegions
    from aios3._settings import Settings

_TRUNCATED = re.compile(rb"(?<=<IsTruncated)>\s*(?:true|1)\s*<", re.IGNORECASE)


class _Prepared(NamedTuple):
    session: Any
    options: dict[str, Any]
    aws_domains: tuple[str, ...]


class ClientSource:
    """The client of one configuration and profile, which signs as ``credential_cache`` says, by ``clock``."""

    def __init__(
        self,
        config: Config,
        profile: str | None,
        credential_cache: CredentialCache,
        regions: BucketRegions,
        clock: Clock,
        *,
        settings: Settings | None = None,
    ) -> None:
        self._config = config
        self._profile = profile
        self._credential_cache = credential_cache
        self._regions = regions
        self._clock = clock
        self._settings = settings
        self._opening: asyncio.Task[Client] | None = None
        self._client: Client | None = None
        self._is_aws = False
        self._closed = False
        self._session: Any = None

    async def get(self) -> Client:
        """Return the client. Many may ask at once, and any may be cancelled: the others still get it."""
        self._check_open()
        if self._client is not None:
            return self._client
        await load_aiobotocore()
        if self._opening is None or self._opening.done():
            self._opening = asyncio.create_task(self._open(), name="aios3 open client")
        opening = self._opening
        try:
            return await asyncio.shield(opening)
        except asyncio.CancelledError:
            if opening.cancelled():
                self._check_open()
            raise

    async def is_aws(self) -> bool:
        """Return whether the client's endpoint is in one of Amazon's domains."""
        await self.get()
        return self._is_aws

    async def address_of(self, bucket: str) -> BucketAddress:
        """Return where the client sends requests for ``bucket``; nothing is sent to find out."""
        return await address_of(await self.get(), bucket)

    def _check_open(self) -> None:
        if self._closed:
            message = "This session is closed; make a new one"
            raise ClosedHandleError(message)

    async def _open(self) -> Client:
        prepared = await asyncio.to_thread(
            _prepare, self._config, self._profile, self._credential_cache, self._settings
        )
        self._session = prepared.session
        try:
            client: Client = await prepared.session.create_client("s3", **prepared.options).__aenter__()
        except ValueError as error:  # botocore's own text for an address that is none
            scrub(error)
            raise ConfigError(str(error)) from error
        divert_libraries()  # those that were imported meanwhile
        _register_hooks(client, signs_bodies=self._config.payload_signing == "always")
        install_probe(client, self._regions)
        install_ownership(client, self._config)
        sign_by(client, self._clock)
        host = f".{urlsplit(client.meta.endpoint_url).hostname}"
        self._is_aws = host.endswith(prepared.aws_domains)
        self._client = client
        return client

    async def aclose(self) -> None:
        """Close the client and its connections; afterwards there is none. Safe to repeat."""
        self._closed = True
        if self._opening is not None:
            self._opening.cancel()
            await asyncio.wait([self._opening])
        client, self._client = self._client, None
        if client is not None:
            await client.close()


def _prepare(
    config: Config, profile: str | None, credential_cache: CredentialCache, settings: Settings | None
) -> _Prepared:
    """Do all that reads files or is slow, in a thread."""
    settings = settings or read_settings(config, profile, os.environ)
    verify = ca_bundle_of(config, settings)
    session = new_session(profile or config.profile, settings)
    from aios3._boto.cached_credentials import CachedCredentialsProvider  # noqa: PLC0415 - aiobotocore is slow to import

    session.register_component("credential_provider", CachedCredentialsProvider(credential_cache))
    loader = loader_of(session.get_config_variable("data_path"))
    _read_models(loader)
    options = _client_options(config, settings, verify)
    return _Prepared(session, options, _aws_domains(loader.load_data("partitions")))


def _aws_domains(partitions: dict[str, Any]) -> tuple[str, ...]:
    outputs = [partition["outputs"] for partition in partitions["partitions"]]
    return tuple({f".{each[name]}" for each in outputs for name in ("dnsSuffix", "dualStackDnsSuffix")})


def ca_bundle_of(config: Config, settings: Settings) -> bool | str:
    """Return what botocore verifies certificates with. What is set beside the arguments counts for TLS only."""
    verify, source = settings.ca_bundle
    if isinstance(verify, str):
        if config.verify is True and (settings.endpoint_url or "").startswith("http://"):
            return True
        check_ca_bundle(verify, source)
    return verify


def _read_models(loader: Any) -> None:  # noqa: ANN401 - botocore has no types
    """Read what the client is made of, so that it lies in the loader's memory when the event loop asks for it."""
    for name in ("_retry", "endpoints", "partitions", "sdk-default-configuration"):
        loader.load_data(name)
        loader.load_data_with_path(name)
    for kind in ("service-2", "endpoint-rule-set-1"):
        loader.load_service_model("s3", kind, api_version=None)
    loader.load_service_model("s3", type_name="service-2", api_version=None)


def _client_options(config: Config, settings: Settings, verify: bool | str) -> dict[str, Any]:
    """Say in botocore's words what ``config`` says; what it leaves open is left to botocore's own chain."""
    style = addressing_style_for(settings.endpoint_url, settings.addressing_style)
    aio_config = _aio_config(config, style)
    options: dict[str, Any] = {"config": aio_config, "endpoint_url": settings.endpoint_url, "verify": verify}
    return options


def _aio_config(config: Config, style: AddressingStyle) -> Any:  # noqa: ANN401 - aiobotocore has no types
    from aiobotocore.config import AioConfig  # noqa: PLC0415 - slow to import
    from botocore import UNSIGNED  # noqa: PLC0415 - slow to import

    from aios3._boto.no_redirects import NoRedirectSession  # noqa: PLC0415 - slow to import

    options: dict[str, Any] = {}
    if config.credentials == "anonymous":
        options["signature_version"] = UNSIGNED
    if style != "auto":
        options["s3"] = {"addressing_style": style}
    return AioConfig(
        connect_timeout=config.connect_timeout,
        read_timeout=max(config.read_timeout, config.first_byte_timeout or 0),  # aiohttp has one time for both
        max_pool_connections=config.max_concurrency,
        http_session_cls=NoRedirectSession,
        retries={"mode": "standard", "total_max_attempts": 1},  # the caller retries, so that there is one count
        # The caller sends checksums; botocore's own would be trailers, which older servers store as data.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        **options,
    )


def _register_hooks(client: Client, *, signs_bodies: bool) -> None:
    """Change what botocore does on the way to the server; see each. ``signs_bodies`` over TLS too."""
    client.meta.events.register_first("needs-retry.s3", _before_retry)
    client.meta.events.register_last("before-call.s3", _remove_expect_header)
    client.meta.events.register_first("before-send.s3", reject_control_characters)
    client.meta.events.register_first("before-parse.s3.ListObjectsV2", _read_truncation)
    client.meta.events.register_last("before-call.s3", add_headers)
    client.meta.events.register_first("choose-signer.s3", presign_with_version_4)
    client.meta.events.register_first("before-parse.s3", repair_xml)
    client.meta.events.register_first("before-parse.s3", keep_body)
    for operation in WITH_CONTENT_MD5:
        client.meta.events.register_last(f"before-call.s3.{operation}", with_content_md5)
    if client.meta.endpoint_url.startswith("https://"):
        # TLS protects the body already; its hash in the signature would cost as much again.
        client.meta.config.s3 = {**(client.meta.config.s3 or {}), "payload_signing_enabled": signs_bodies}


def _before_retry(
    caught_exception: Exception | None = None, request_dict: dict[str, Any] | None = None, **_kwargs: object
) -> None:
    """Hear that an attempt is over, and end it there where a certificate is wrong; else botocore decides."""
    from botocore.exceptions import SSLError  # noqa: PLC0415 - slow to import

    body = (request_dict or {}).get("body")
    if isinstance(body, UploadStream):
        body.on_idle()
    if isinstance(caught_exception, SSLError):
        raise caught_exception


def _read_truncation(response_dict: dict[str, Any], **_kwargs: object) -> None:
    """Write ``IsTruncated`` as S3 does: botocore takes ``True`` and ``1`` for false, and the listing would end."""
    response_dict["body"] = _TRUNCATED.sub(b">true<", response_dict["body"])


def presign_with_version_4(signature_version: object, **_kwargs: object) -> str | None:
    """Sign URLs and forms as requests are: botocore would take version 2 in old regions, which newer ones reject."""
    if not isinstance(signature_version, str) or signature_version.startswith(("v4a", "v4-s3express")):
        return None
    for kind in ("-query", "-presign-post"):
        if signature_version.endswith(kind):
            return f"s3v4{kind}"
    return None


def _remove_expect_header(params: dict[str, Any], **_kwargs: object) -> None:
    """Send bodies unasked: ``Expect: 100-continue`` costs a round trip each.

    And aiohttp would wait forever for a server that does not know it. It gives an upload no longer than
    ``read_timeout`` from the moment that it is permitted.
    """
    params["headers"].pop("Expect", None)
