"""One seam at which exceptions of botocore and aiohttp become those of :mod:`aios3.errors`."""

from __future__ import annotations

import functools
import traceback
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from aios3 import errors
from aios3._credentials import NO_CREDENTIALS, error_context
from aios3._proxies import origin, proxy_for, proxy_host
from aios3._regions import parse_region
from aios3._responses import creation_error, delete_marker_error, error_response, parse_retry_after
from aios3._secrets import scrub, scrubbed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_PROXY_AUTHENTICATION = 407
_PROXY_ADVICE = {
    403: "its rules do not let requests to this host through",
    _PROXY_AUTHENTICATION: "put the right user and password, percent-encoded, into HTTPS_PROXY=http://user:password@...",
}
_OPERATIONS_FOR_OTHERS = ("CreateSession",)
"""Calls that botocore makes by itself before a request, and whose rejection is a rejection of the request."""


@contextmanager
def translate_errors(operation: str, path: str, *, if_absent: bool = False) -> Iterator[None]:
    """Raise what goes wrong inside as an error of aios3 about S3's ``operation`` on ``path``.

    ``if_absent`` says that a failed precondition means that the object is there already.
    """
    try:
        with error_context(operation, path):
            yield
    except errors.S3Error:
        raise
    except Exception as error:
        ours = to_s3_error(error, operation, path)
        scrub(error)
        if ours is None:
            raise
        raise (creation_error(ours) if if_absent else ours) from error


def to_s3_error(error: Exception, operation: str, path: str) -> errors.S3Error | None:
    """Build aios3's error for ``error``; None for one that comes neither from S3 nor from the way to it."""
    from botocore.exceptions import ClientError  # noqa: PLC0415 - botocore is slow to import

    if isinstance(error, ClientError):
        return _from_client_error(error.operation_name, error.response, operation, path)
    fields = _mapping(getattr(error, "kwargs", None))
    cause = fields.get("error") or error
    if isinstance(cause, errors.S3Error):
        return cause if cause.path else errors.about_request(cause, operation, path)
    if "proxy_url" in fields:
        return _from_proxy(_text(fields["proxy_url"]) or "", cause, operation, path)
    for kind in _kinds():
        if isinstance(error, kind.causes) or isinstance(cause, kind.causes):
            explanation = kind.explanation.format(endpoint=_origin(fields.get("endpoint_url")))
            reason = scrubbed(str(cause)).rstrip(".") or type(cause).__name__
            return kind.ours(f"{operation} {path}: {explanation} ({reason})", path=path, operation=operation)
    if _is_from_parser(error):
        message = f"{operation} {path}: invalid response ({scrubbed(str(error)).rstrip('.')})"
        return errors.ServerError(message, path=path, operation=operation)
    return None


def _is_from_parser(error: Exception) -> bool:
    """Return whether botocore raised ``error`` while it read a response: a number or a time that is none."""
    frames = traceback.walk_tb(error.__traceback__)
    return any(frame.f_globals.get("__name__") in {"botocore.parsers", "aiobotocore.parsers"} for frame, _ in frames)


def is_about_settings(error: Exception) -> bool:
    """Return whether botocore says with ``error`` that a setting is wrong."""
    return isinstance(error, _exceptions_by_name(_SETTINGS))


def _origin(address: object) -> str:
    """Return scheme and host of an address; the rest may name an upload, and does not help the reader."""
    return origin(address) if isinstance(address, str) and "//" in address else "the endpoint"


def _from_proxy(url: str, cause: object, operation: str, path: str) -> errors.S3Error:
    """Say what a proxy did to a connection: a rejection has the status of its response, and one below 500 is final."""
    status = getattr(cause, "status", None)
    if isinstance(status, int):
        advice = _PROXY_ADVICE.get(status, "ask who runs it")
        explanation = f"the proxy {proxy_host(url)} of the environment rejected the connection with {status}; {advice}"
    else:
        reason = scrubbed(str(cause)).rstrip(".") or type(cause).__name__
        explanation = (
            f"no connection to the proxy {proxy_host(url)} of the environment; "
            f"check HTTP_PROXY and HTTPS_PROXY, and that "
            f"the proxy runs, or list the host of the endpoint in NO_PROXY ({reason})"
        )
    proxy_status = status if isinstance(status, int) else None
    return errors.ConnectionFailedError(
        f"{operation} {path}: {explanation}", path=path, operation=operation, status=proxy_status
    )


def _from_client_error(
    inner_operation: str, response: Mapping[str, object], operation: str, path: str
) -> errors.S3Error:
    fields, meta = _mapping(response.get("Error")), _mapping(response.get("ResponseMetadata"))
    code, status, detail = _text(fields.get("Code")), meta.get("HTTPStatusCode"), _text(fields.get("Message")) or ""
    if inner_operation != operation and inner_operation not in _OPERATIONS_FOR_OTHERS:
        rejection = f"{inner_operation} got the response {code}: {scrubbed(detail)}"
        message = f"{operation} {path}: the credentials could not be fetched ({rejection})"
        return errors.CredentialsError(message, path=path, operation=operation, code=code)
    if status == _PROXY_AUTHENTICATION:
        detail = f"the proxy is {proxy_host(proxy_for('http://') or 'not in the environment')}; {detail}"
    error = error_response(
        operation,
        path,
        code=code,
        status=status if isinstance(status, int) else None,
        detail=detail,
        request_id=_text(meta.get("RequestId")),
    )
    headers = {str(name): str(value) for name, value in _mapping(meta.get("HTTPHeaders")).items()}
    error.retry_after = parse_retry_after(headers.get("retry-after"))
    elements = _text(fields.get("Region")), _text(fields.get("Endpoint"))
    error.bucket_region = parse_region(headers.get("x-amz-bucket-region"), *elements)
    return delete_marker_error(error, headers)


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str | None:
    return str(value) if value else None


class _Kind(NamedTuple):
    ours: type[errors.S3Error]
    causes: tuple[type[Exception], ...]
    explanation: str


@functools.cache
def _kinds() -> tuple[_Kind, ...]:
    """Pair causes and classes; the first that fits counts, so that the narrow ones stand before the wide ones."""
    import aiohttp  # noqa: PLC0415 - slow to import, and known to be loaded when this is asked
    import botocore.exceptions as boto  # noqa: PLC0415
    from botocore.parsers import ResponseParserError  # noqa: PLC0415

    return (
        _Kind(errors.NoCredentialsError, (boto.NoCredentialsError,), NO_CREDENTIALS),
        _Kind(errors.CredentialsError, _exceptions_by_name(_CREDENTIALS), "the credentials could not be fetched"),
        _Kind(errors.ConfigError, _exceptions_by_name(_SETTINGS), "a setting or option is wrong"),
        _Kind(errors.TLSError, (boto.SSLError, aiohttp.ClientSSLError), "no trusted connection to {endpoint}"),
        _Kind(
            errors.RequestTimeoutError,
            (boto.ConnectTimeoutError, boto.ReadTimeoutError, TimeoutError),
            "{endpoint} did not respond in connect_timeout and read_timeout",
        ),
        _Kind(errors.TruncatedBodyError, (aiohttp.ClientPayloadError,), "the response of {endpoint} is truncated"),
        _Kind(
            errors.ConnectionFailedError,
            (aiohttp.ClientConnectorError,),
            "no connection to {endpoint}; check the address, and that the server runs",
        ),
        _Kind(
            errors.ServerError,
            (ResponseParserError, aiohttp.ClientResponseError, UnicodeDecodeError),
            "invalid response from {endpoint}",
        ),
        _Kind(
            errors.ConnectionFailedError,
            (boto.ConnectionError, boto.HTTPClientError, aiohttp.ClientError),
            "the connection to {endpoint} broke",
        ),
        _Kind(errors.RequestError, (boto.BotoCoreError,), "the request could not be made"),
    )


_CREDENTIALS = (
    "CredentialRetrievalError",
    "LoginError",
    "MetadataRetrievalError",
    "RefreshWithMFAUnsupportedError",
    "SSOError",
    "TokenRetrievalError",
)

_SETTINGS = (
    "BaseEndpointResolverError",
    "ConfigNotFound",
    "ConfigParseError",
    "EndpointProviderError",
    "EndpointVariantError",
    "InvalidChecksumConfigError",
    "InvalidConfigError",
    "InvalidDNSNameError",
    "InvalidDefaultsMode",
    "InvalidEndpointConfigurationError",
    "InvalidProxiesConfigError",
    "InvalidRegionError",
    "InvalidRetryConfigurationError",
    "InvalidS3AddressingStyleError",
    "InvalidS3UsEast1RegionalEndpointConfigError",
    "InvalidSTSRegionalEndpointsConfigError",
    "MissingDependencyException",
    "ParamValidationError",
    "PartialCredentialsError",
    "ProfileNotFound",
    "UnknownCredentialError",
    "UnsupportedS3ConfigurationError",
)


def _exceptions_by_name(names: tuple[str, ...]) -> tuple[type[Exception], ...]:
    """Look exceptions up by name: not every version of botocore has them all."""
    import botocore.exceptions as boto  # noqa: PLC0415

    return tuple(getattr(boto, name) for name in names if hasattr(boto, name))
