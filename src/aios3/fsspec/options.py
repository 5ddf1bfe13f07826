"""The storage options that users of s3fs type, as one :class:`aios3.Config` and what each write is stored with."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast
from urllib.parse import parse_qsl

from aios3._config import MIB, Config, Credentials
from aios3._s3_constants import MIN_PART_SIZE
from aios3.compat._arguments import WRITING
from aios3.errors import ConfigError, UnsupportedError, WrongTypeError

if TYPE_CHECKING:
    from aios3._config import ConfigOptions
    from aios3._handles.opening import WriterOptions

Fields = Mapping[str, object]

DEFAULT_BLOCK_SIZE = 8 * MIB
"""Bytes of a part of an upload, and of the largest request of a reader, by default."""
LISTINGS_EXPIRY_SECONDS = 5.0
"""How long a listing is remembered, by default."""

_CLIENT = frozenset({
    "aws_access_key_id", "aws_secret_access_key", "aws_session_token", "endpoint_url", "region_name", "use_ssl",
    "verify",
})  # fmt: skip
_CONFIG = frozenset({
    "connect_timeout", "max_pool_connections", "read_timeout", "region_name", "request_checksum_calculation",
    "response_checksum_validation", "retries", "s3", "signature_version",
})  # fmt: skip
_EVERY_CALL = frozenset({
    *WRITING, "ChecksumAlgorithm", "ExpectedBucketOwner", "Metadata", "RequestPayer", "SSECustomerAlgorithm",
    "SSECustomerKey", "SSECustomerKeyMD5", "Tagging",
})  # fmt: skip
_FOR_CONFIG = frozenset({"ChecksumAlgorithm", "RequestPayer", "ExpectedBucketOwner"})
_CHECKSUMS = {"CRC32": "crc32", "CRC64NVME": "crc64nvme"}
_KEY_BYTES = 32
_SIGNATURES = {"s3v4", "v4"}
_LISTINGS: dict[str, type | tuple[type, ...]] = {
    "use_listings_cache": bool,
    "listings_expiry_time": (int, float),
    "max_paths": int,
}

_TEXTS = ("endpoint_url", "key", "secret", "token", "username", "password", "profile", "default_cache_type")
_FLAGS = (
    "anon", "use_ssl", "requester_pays", "default_fill_cache", "version_aware", "cache_regions", "asynchronous",
    "fixed_upload_size", "local_expiry_check",
)  # fmt: skip
_MAPPINGS = ("client_kwargs", "config_kwargs", "s3_additional_kwargs")
_NUMBERS = ("default_block_size", "max_concurrency", "batch_size")
NAMES = frozenset({*_TEXTS, *_FLAGS, *_MAPPINGS, *_NUMBERS, *_LISTINGS, "loop", "session", "skip_instance_cache"})
"""All storage options."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of one filesystem, from its storage options."""

    config: Config
    writing: WriterOptions
    """The options of every write."""
    block_size: int
    region: str | None
    """The region that the options name, in which buckets are made."""
    listings: dict[str, object] = field(default_factory=dict)
    """The settings of fsspec's cache of listings."""

    @property
    def sse_customer_key(self) -> bytes | None:
        """The key that every object is encrypted with (SSE-C)."""
        return self.writing.get("sse_customer_key")


def check_names(options: Fields) -> None:
    """Raise WrongTypeError, which is a TypeError, for an option that does not exist."""
    unknown = sorted(set(options) - NAMES)
    if unknown:
        names = ", ".join(sorted(NAMES))
        message = f"Unknown storage option {', '.join(map(repr, unknown))}; the options are {names}"
        raise WrongTypeError(message)


def settings_of(options: Fields, block_size: int | None) -> Settings:
    """Make the settings of the storage ``options``, all of them; ``block_size`` is the class's own default.

    Raises ConfigError (a ValueError) for an option or a combination that has no meaning. Raises WrongTypeError (a
    TypeError) for an option of a wrong type.
    """
    _check_types(options)
    client, config_kwargs = _mapping(options, "client_kwargs", _CLIENT), _mapping(options, "config_kwargs", _CONFIG)
    every_call = _mapping(options, "s3_additional_kwargs", _EVERY_CALL)
    endpoint = _text(options.get("endpoint_url") or client.get("endpoint_url"), "endpoint_url")
    if not client.get("use_ssl", options.get("use_ssl", True)) and endpoint is None:
        message = "use_ssl=False needs endpoint_url='http://...': S3 of Amazon is reached with TLS only"
        raise ConfigError(message)
    region = _text(client.get("region_name") or config_kwargs.get("region_name"), "region_name")
    chosen = cast("int", options.get("default_block_size") or block_size or DEFAULT_BLOCK_SIZE)
    fields: dict[str, object] = {
        "endpoint_url": endpoint,
        "region": region,
        "profile": options.get("profile"),
        "credentials": _credentials(options, client, config_kwargs),
        "verify": client.get("verify", True),
        "request_payer": "requester" if options.get("requester_pays") else every_call.get("RequestPayer"),
        "expected_bucket_owner": every_call.get("ExpectedBucketOwner"),
        **_connection(options, config_kwargs),
        **_checksum_of(every_call.get("ChecksumAlgorithm")),
        **_sizes(chosen),
    }
    config = Config().with_options(**{name: value for name, value in fields.items() if value is not None})
    listings = {name: options[name] for name in _LISTINGS if name in options}
    return Settings(
        config,
        writer_options({name: value for name, value in every_call.items() if name not in _FOR_CONFIG}),
        chosen,
        region,
        {"listings_expiry_time": LISTINGS_EXPIRY_SECONDS, **listings},
    )


def writer_options(parameters: Fields) -> WriterOptions:
    """Return aios3's options of a write for S3's ``parameters`` of PutObject; raise ConfigError for one that has none.

    A parameter that is None or empty is left out, as botocore's users expect of ``ACL=""``.
    """
    options: dict[str, object] = {}
    for name, value in parameters.items():
        if value is None or value == "":
            continue
        if name in WRITING:
            options[WRITING[name]] = value
        elif name == "Metadata":
            options["metadata"] = value
        elif name == "Tagging":
            options["tags"] = dict(parse_qsl(value, keep_blank_values=True)) if isinstance(value, str) else value
        elif name == "SSECustomerKey":
            options["sse_customer_key"] = customer_key(value)
        elif name not in {"SSECustomerAlgorithm", "SSECustomerKeyMD5"}:
            names = ", ".join(sorted(_EVERY_CALL - _FOR_CONFIG))
            message = f"Unknown parameter {name!r} of a write; the parameters are {names}"
            raise ConfigError(message)
    return cast("WriterOptions", options)


def customer_key(value: object) -> bytes:
    """Return the 32 bytes of a key of SSE-C, given as they are or in base64; raise ConfigError for anything else."""
    data = value.encode() if isinstance(value, str) else value
    if isinstance(data, bytes) and len(data) != _KEY_BYTES:
        try:
            data = base64.b64decode(data, validate=True)
        except binascii.Error:
            data = None
    if not isinstance(data, bytes) or len(data) != _KEY_BYTES:
        message = f"SSECustomerKey must be {_KEY_BYTES} bytes, as they are or in base64"
        raise ConfigError(message)
    return data


def _check_types(options: Fields) -> None:
    kinds: dict[str, type | tuple[type, ...]] = {
        **dict.fromkeys(_TEXTS, str),
        **dict.fromkeys(_FLAGS, bool),
        **dict.fromkeys(_MAPPINGS, Mapping),
        **dict.fromkeys(_NUMBERS, int),
        **_LISTINGS,
    }
    for name, value in options.items():
        kind = kinds.get(name, object)
        if value is None or (isinstance(value, kind) and not (isinstance(value, bool) and kind not in {bool, object})):
            continue
        expected = " or ".join(each.__name__ for each in (kind if isinstance(kind, tuple) else (kind,)))
        message = f"The storage option {name} must be {expected} or None, not {type(value).__name__}"
        raise WrongTypeError(message)
    if options.get("session") is not None:
        message = "A session of aiobotocore cannot be taken over; give key and secret, profile, or the environment"
        raise UnsupportedError(message)


def _mapping(options: Fields, name: str, names: frozenset[str]) -> Fields:
    mapping = cast("Fields", options.get(name) or {})
    unknown = sorted(set(mapping) - names)
    if unknown:
        message = f"{name} has unknown {', '.join(map(repr, unknown))}; there are {', '.join(sorted(names))}"
        raise ConfigError(message)
    return mapping


def _text(value: object, name: str) -> str | None:
    if value is None or isinstance(value, str):
        return value
    message = f"{name} must be a str or None, not {type(value).__name__}"
    raise WrongTypeError(message)


def _credentials(options: Fields, client: Fields, config_kwargs: Fields) -> Credentials | str | None:
    key = _given_once(options, ("key", "username"), client, "aws_access_key_id")
    secret = _given_once(options, ("secret", "password"), client, "aws_secret_access_key")
    token = _given_once(options, ("token",), client, "aws_session_token")
    signature = config_kwargs.get("signature_version")
    if options.get("anon") or _is_unsigned(signature):
        return "anonymous"
    if signature is not None and signature not in _SIGNATURES:
        message = f"signature_version must be 's3v4' or botocore.UNSIGNED, not {signature!r}"
        raise ConfigError(message)
    if not (key or secret or token):
        return None
    if not (key and secret):
        message = "Credentials need key and secret; leave out both for those of the environment, anon=True for none"
        raise ConfigError(message)
    return Credentials(_text(key, "key") or "", _text(secret, "secret") or "", _text(token or None, "token"))


def _given_once(options: Fields, names: tuple[str, ...], client: Fields, client_name: str) -> object:
    """Return the value of one credential, by whichever of its names; raise ConfigError if several have one."""
    values = {name: options[name] for name in names if options.get(name)}
    if client.get(client_name):
        values[f"client_kwargs[{client_name!r}]"] = client[client_name]
    if len(values) > 1:
        message = f"Give {' or '.join(values)}, not both: they are names of one option"
        raise ConfigError(message)
    return next(iter(values.values()), None)


def _is_unsigned(signature: object) -> bool:
    """Return True for botocore's constant, which is not imported here, or a text that says the same."""
    return type(signature).__qualname__ == "UNSIGNED" or (isinstance(signature, str) and signature == "unsigned")


def _connection(options: Fields, config_kwargs: Fields) -> dict[str, object]:
    fields: dict[str, object] = {
        "connect_timeout": config_kwargs.get("connect_timeout"),
        "read_timeout": config_kwargs.get("read_timeout"),
        "max_concurrency": options.get("max_concurrency") or config_kwargs.get("max_pool_connections"),
        "max_attempts": _request_attempts(config_kwargs.get("retries")),
        **_styles(config_kwargs.get("s3")),
    }
    calculation = config_kwargs.get("request_checksum_calculation")
    if calculation not in {None, "when_required", "when_supported"}:
        message = f"request_checksum_calculation must be 'when_required' or 'when_supported', not {calculation!r}"
        raise ConfigError(message)
    if calculation is not None:
        fields["checksums"] = "off" if calculation == "when_required" else "crc32"
    return fields


def _checksum_of(algorithm: object) -> dict[str, object]:
    """Return the checksum of every write, from S3's name of it; raise ConfigError for one that is not computed here."""
    if algorithm is None:
        return {}
    if isinstance(algorithm, str) and algorithm in _CHECKSUMS:
        return {"checksums": _CHECKSUMS[algorithm]}
    message = f"ChecksumAlgorithm must be {' or '.join(map(repr, _CHECKSUMS))}, not {algorithm!r}"
    raise ConfigError(message)


def _request_attempts(retries: object) -> object:
    """Return how often a request is sent, from botocore's ``retries``."""
    if retries is None:
        return None
    if not isinstance(retries, Mapping) or set(retries) - {"max_attempts", "mode", "total_max_attempts"}:
        message = "retries must be a mapping of max_attempts or total_max_attempts, and mode"
        raise ConfigError(message)
    total, again = retries.get("total_max_attempts"), retries.get("max_attempts")
    return total if total is not None or again is None else again + 1


def _styles(parameters: object) -> dict[str, object]:
    if parameters is None:
        return {}
    names = {"addressing_style", "payload_signing_enabled"}
    if not isinstance(parameters, Mapping) or set(parameters) - names:
        message = f"config_kwargs['s3'] must be a mapping with {' and '.join(sorted(names))} only, not {parameters!r}"
        raise ConfigError(message)
    fields: dict[str, object] = {"addressing_style": parameters.get("addressing_style")}
    if "payload_signing_enabled" in parameters:
        fields["payload_signing"] = "always" if parameters["payload_signing_enabled"] else "never"
    return fields


def _sizes(block_size: int) -> ConfigOptions:
    """Return the sizes of the session for blocks of ``block_size`` bytes, with memory for some of them."""
    if block_size == DEFAULT_BLOCK_SIZE:
        return {}
    defaults = Config()
    part = max(block_size, MIN_PART_SIZE)
    request = max(block_size, 4096)
    return {
        "part_size": part,
        "request_size": request,
        "block_size": min(defaults.block_size, request),
        "memory_budget": max(defaults.memory_budget, 4 * max(part, request)),
    }
