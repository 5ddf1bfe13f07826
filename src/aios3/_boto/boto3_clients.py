"""The clients of botocore themselves, for what aios3 has no verb for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aios3._boto.boto_errors import translate_errors
from aios3._boto.boto_sessions import prepared_session
from aios3._boto.client_source import ca_bundle_of, presign_with_version_4
from aios3._boto.ownership_headers import install_ownership
from aios3._config import Config, Credentials
from aios3._endpoints import addressing_style_for, is_aws
from aios3.errors import UnsupportedError

if TYPE_CHECKING:
    from aiobotocore.client import AioBaseClient as AioBaseClient  # noqa: PLC0414 - handed on
    from botocore.client import BaseClient as BaseClient  # noqa: PLC0414 - exported for type checkers

    from aios3._boto.boto3_credentials import Ask
    from aios3._config import AddressingStyle, CredentialSource
    from aios3._settings import Settings


def blocking_client(config: Config, settings: Settings, ask: Ask) -> BaseClient:
    """Make a boto3 client with the settings of a session of ``config``; it knows nothing of its limits.

    ``ask`` returns who signs, each time. Raises UnsupportedError without boto3.
    """
    try:
        import boto3  # noqa: PLC0415 - not installed with aios3
    except ImportError as error:
        message = "get_s3_client() of aios3.sync needs boto3: pip install boto3 (aios3 itself does not need it)"
        raise UnsupportedError(message) from error
    from botocore.session import Session  # noqa: PLC0415 - slow to import

    from aios3._boto.boto3_credentials import AskedProvider  # noqa: PLC0415 - it imports botocore

    options: dict[str, Any] = {
        "config": _botocore_config(config, settings),
        "endpoint_url": settings.endpoint_url,
        "verify": ca_bundle_of(config, settings),
    }
    session = prepared_session(Session, config.profile, settings)
    session.register_component("credential_provider", AskedProvider(None if config.credentials == "anonymous" else ask))
    with translate_errors("Connect", "s3://"):
        client: BaseClient = boto3.Session(botocore_session=session).client("s3", **options)
    client.meta.events.register_first("choose-signer.s3", presign_with_version_4)
    install_ownership(client, config)
    return client


def _botocore_config(config: Config, settings: Settings) -> Any:  # noqa: ANN401 - botocore has no types
    from botocore import UNSIGNED  # noqa: PLC0415 - slow to import
    from botocore.config import Config as BotocoreConfig  # noqa: PLC0415

    options: dict[str, Any] = {"signature_version": UNSIGNED} if config.credentials == "anonymous" else {}
    style = addressing_style_for(settings.endpoint_url, settings.addressing_style)
    if style != "auto":
        options["s3"] = {"addressing_style": style}
    sending, comparing = settings.checksums
    sends = sending != "off" and (sending != "auto" or is_aws(settings.endpoint_url))
    return BotocoreConfig(
        connect_timeout=config.connect_timeout,
        read_timeout=config.read_timeout,
        max_pool_connections=config.max_concurrency,
        retries={"mode": "standard", "total_max_attempts": settings.max_attempts},
        request_checksum_calculation="when_supported" if sends else "when_required",
        response_checksum_validation="when_supported" if comparing else "when_required",
        **options,
    )


def config_of(client: BaseClient) -> Config:
    """Return settings that reach what a client of boto3 reaches, as whoever it is. Nothing is sent, nor printed.

    Raises UnsupportedError for a client with a proxy of its own: only those of the environment are used.
    """
    from botocore import UNSIGNED  # noqa: PLC0415 - loaded already: there is a client

    settings = client.meta.config
    if settings.proxies:
        message = "A boto3 client with proxies in its Config cannot be taken over; name the proxy in the environment"
        raise UnsupportedError(message)
    anonymous = settings.signature_version is UNSIGNED
    http = getattr(getattr(client, "_endpoint", None), "http_session", None)
    verify = getattr(http, "_verify", True)
    options: dict[str, object] = {
        "connect_timeout": settings.connect_timeout,
        "read_timeout": settings.read_timeout,
        "max_attempts": (settings.retries or {}).get("total_max_attempts"),
    }
    config = Config(
        endpoint_url=client.meta.endpoint_url,
        region=client.meta.region_name,
        credentials="anonymous" if anonymous else _source_of(client),
        addressing_style=_addressing_style(client),
        verify=True if verify is None else verify,
    )
    return config.with_options(**{name: value for name, value in options.items() if isinstance(value, int | float)})


def _addressing_style(client: BaseClient) -> AddressingStyle:
    """Return how the client names buckets in URLs. An endpoint of Amazon's is not a configured one."""
    style: AddressingStyle = (client.meta.config.s3 or {}).get("addressing_style") or "auto"
    return "virtual" if style == "auto" and is_aws(client.meta.endpoint_url) else style


def _source_of(client: BaseClient) -> CredentialSource | None:
    """Return a function that asks the client's own credentials, which renew themselves; None if it has none."""
    source: Any = client._request_signer._credentials  # noqa: SLF001 - botocore has no public name for it
    if source is None:
        return None

    def credentials() -> Credentials:
        frozen = source.get_frozen_credentials()
        return Credentials(
            frozen.access_key, frozen.secret_key, frozen.token, expires_at=getattr(source, "_expiry_time", None)
        )

    return credentials
