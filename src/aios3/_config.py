"""Settings: what can be set, checked when it is set, frozen afterwards.

Precedence: arguments, then the environment, then the profile's files. Only what aios3 adds to the standard AWS settings
is looked up here. The rest (``AWS_*``, ``~/.aws``, SSO, assumed roles, instance metadata) is resolved by aiobotocore's
own chain when a field is None.
"""

from __future__ import annotations

import dataclasses
import math
import os
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypedDict, get_args

from aios3._endpoint_url import check_endpoint
from aios3._events import RequestHook  # noqa: TC001 - tools ask for the types of settings
from aios3._s3_constants import MAX_PART_SIZE, MIN_PART_SIZE
from aios3.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

KIB = 1024
MIB = 1024 * KIB
_BYTES_PER_GBIT = 125_000_000

AddressingStyle = Literal["auto", "path", "virtual"]
ChecksumMode = Literal["auto", "crc64nvme", "crc32", "off"]
RequestPayer = Literal["requester"]
PayloadSigning = Literal["auto", "always", "never"]
TransportChoice = Literal["auto", "aiobotocore"]


@dataclass(frozen=True, slots=True)
class Credentials:
    """One set of credentials.

    ``expires_at`` is the moment (with a time zone) from which S3 will reject them; None means that they last.
    """

    access_key: str
    secret_key: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)
    expires_at: datetime | None = None

    def __post_init__(self) -> None:
        if not self.access_key or not self.secret_key:
            message = "Credentials need an access key and a secret key; for none at all use credentials='anonymous'"
            raise ConfigError(message)
        _check_key("access_key", self.access_key)
        _check_key("secret_key", self.secret_key)
        _check_key("session_token", self.session_token or "")
        if self.expires_at is not None and not hasattr(self.expires_at, "tzinfo"):
            message = f"Credentials.expires_at must be a datetime, not {type(self.expires_at).__name__}"
            raise ConfigError(message)
        if self.expires_at is not None and self.expires_at.tzinfo is None:
            message = "Credentials.expires_at needs a time zone: datetime.now(timezone.utc) + timedelta(hours=1)"
            raise ConfigError(message)


def _check_key(name: str, value: object) -> None:
    """Raise ConfigError, without its value, for a key that has another type, or is not valid Unicode."""
    if not isinstance(value, str):
        message = f"Credentials.{name} must be text, not {type(value).__name__}"
        raise ConfigError(message)
    if not value.isascii() and value.encode("utf-8", "replace").decode() != value:
        message = f"Credentials.{name} is not valid Unicode"
        raise ConfigError(message)


CredentialSource = Callable[[], Credentials | Awaitable[Credentials]]
"""A function, async or not, that is called for credentials: at first use, and again before they expire."""


class ConfigOptions(TypedDict, total=False):
    """The fields of :class:`Config` as keyword arguments."""

    endpoint_url: str | None
    region: str | None
    profile: str | None
    credentials: Credentials | Literal["anonymous"] | CredentialSource | None
    addressing_style: AddressingStyle
    request_payer: RequestPayer | None
    expected_bucket_owner: str | None
    verify: bool | str
    target_throughput_gbps: float
    max_concurrency: int
    max_requests_per_second: float | None
    max_bytes_per_second: int | None
    memory_budget: int
    block_size: int
    request_size: int
    part_size: int
    max_attempts: int | None
    connect_timeout: float
    tls_timeout: float | None
    first_byte_timeout: float | None
    read_timeout: float
    hedging: float | None
    checksums: ChecksumMode
    payload_signing: PayloadSigning
    transport: TransportChoice
    on_request: RequestHook | None


class _Derived(int):
    """A setting that follows from another one, because the caller has not chosen it."""


def _requests_for(gbps: float) -> _Derived:
    """Return how many requests in flight a link of ``gbps`` Gbit/s takes."""
    return _Derived(min(max(math.ceil(round(gbps / _GBPS_PER_REQUEST, 6)), 1), _MAX_REQUESTS))


_GBPS_PER_REQUEST = 0.4
"""Gbit/s that one connection to S3 is expected to deliver at least, as in AWS's own client, aws-c-s3."""
_TARGET_GBPS = 12.8
_MAX_REQUESTS = 10_000


@dataclass(frozen=True, slots=True)
class Config:
    """The settings of a :class:`aios3.Session`; every field has a default that suits S3 at Amazon.

    Raises ConfigError if a value is out of its bounds.
    """

    endpoint_url: str | None = None
    """Where the server is, ``http://`` or ``https://``. None: ``OSS_ENDPOINT``, ``AWS_ENDPOINT_URL_S3``,
    ``AWS_ENDPOINT_URL`` from the environment, then the profile's ``endpoint_url``, then Amazon's endpoint."""

    region: str | None = None
    """The region to sign for. None: ``AWS_REGION``, ``AWS_DEFAULT_REGION``, the profile's, then ``us-east-1``."""

    profile: str | None = None
    """The profile of ``~/.aws`` to use; a path ``s3+name://`` goes before it. None: ``AWS_PROFILE``, then the default
    one."""

    credentials: Credentials | Literal["anonymous"] | CredentialSource | None = field(default=None, repr=False)
    """The signing credentials: static :class:`Credentials`, or ``"anonymous"`` to sign nothing. A function (async or
    not) that returns :class:`Credentials` is called again before they expire. None: aiobotocore's chain."""

    addressing_style: AddressingStyle = "auto"
    """How the bucket is put into the URL: ``virtual`` as part of the host name, ``path`` as part of the path. ``auto``:
    as the profile says; else ``path`` with any endpoint that is given, and ``virtual`` at Amazon's own where the
    bucket's name allows it."""

    request_payer: RequestPayer | None = None
    """``"requester"`` says with every request that we pay for it, as buckets with Requester Pays demand. None: their
    owners pay."""

    expected_bucket_owner: str | None = None
    """The account, as 12 digits, that must own every bucket that is used, also the source of a copy. S3 rejects
    requests to others' buckets with 403. None: any owner."""

    verify: bool | str = True
    """True if TLS certificates are checked; a text is the file of certificate authorities to trust, not a directory.
    With True: the file in ``AWS_CA_BUNDLE``, the profile's ``ca_bundle``, ``REQUESTS_CA_BUNDLE``, then the system's."""

    target_throughput_gbps: float = _TARGET_GBPS
    """Gbit/s of the link to S3 that a session should fill, 0.1 to 4,000. It sets ``max_concurrency``, and how far a
    reader of one object reads ahead. More than 12.8 needs a larger ``memory_budget`` as well."""

    max_concurrency: int = _requests_for(_TARGET_GBPS)
    """The most requests in flight at once over the whole session, and connections kept; at least 1. Left alone: one
    for each 0.4 Gbit/s of ``target_throughput_gbps``, which is 32. A server that asks for fewer requests gets fewer,
    until it accepts more."""

    max_requests_per_second: float | None = None
    """The most requests that the session starts in a second, 0.01 to 1,000,000; a second attempt counts as well. A
    server that asks for fewer requests gets fewer, for up to a minute. None: as many as the server accepts."""

    max_bytes_per_second: int | None = None
    """The most bytes of objects that the session sends and receives in a second, both together; at least 1,000. None:
    as many as come. A part that is sent goes at once, and the next one waits for its time."""

    memory_budget: int = 256 * MIB
    """Bytes of object data that the session holds at once: read-ahead, cached blocks, parts on their way up. At least
    twice the larger of ``request_size`` and ``part_size``."""

    block_size: int = MIB
    """Bytes of one block of a reader's cache, the unit in which memory is taken and given back; 4 KiB to 64 MiB."""

    request_size: int = 8 * MIB
    """The most bytes that one ranged GET asks for once a reader is in full swing; at least ``block_size``."""

    part_size: int = 8 * MIB
    """Bytes of the first parts of a multipart upload; later ones grow so that 10,000 parts are always enough. 5 MiB
    to 5 GiB."""

    max_attempts: int | None = None
    """How often a request is sent before its failure is raised; 1 sends everything once. Also how often in a row a body
    may break without a new byte. None: ``AWS_MAX_ATTEMPTS``, the profile's ``max_attempts``, then 5."""

    connect_timeout: float = 10.0
    """Seconds to wait for a connection, with the look-up of the host's name."""

    tls_timeout: float | None = None
    """Seconds to wait for the handshake of TLS on a connection; None: as long as for the connection."""

    first_byte_timeout: float | None = None
    """Seconds to wait for the first byte of a response, once the request has been sent; None: ``read_timeout``."""

    read_timeout: float = 60.0
    """Seconds to wait for a response's next byte, or for the server to take more of a request. The whole transfer is
    not limited."""

    hedging: float | None = 0.02
    """Share of the ranged GETs that may get a second request; the first response counts. A GET gets one for all of its
    range if its response takes longer than nineteen of twenty. A body of a MiB or more gets one for the missing rest if
    it comes more slowly than nineteen of twenty. None or 0: no second requests. There are none
    with ``max_requests_per_second`` or ``max_bytes_per_second`` either."""

    checksums: ChecksumMode = "auto"
    """The checksum sent with every part and, over the whole, with every object. ``auto`` sends one to Amazon only
    (CRC64NVME if ``awscrt`` is installed, else CRC32), because servers of other vendors may reject or ignore it.
    ``crc64nvme`` and ``crc32`` send that one everywhere; ``off`` sends none. What is read as a whole is compared with
    the checksum that the server reports, whatever its algorithm; ``off`` compares nothing.

    With ``auto``, the environment and the profile may say more. ``request_checksum_calculation=when_supported`` sends
    one to every server, to other vendors CRC32; ``when_required`` sends none.
    ``response_checksum_validation=when_required`` compares nothing."""

    payload_signing: PayloadSigning = "auto"
    """True if the SHA-256 of what is sent is part of the signature, at half a second of CPU a GiB. With
    ``auto`` it is signed over plain HTTP only, because TLS protects it already. With ``never`` it is left out."""

    transport: TransportChoice = "auto"
    """The transport of the requests. ``auto`` uses native connections, which cost a tenth of the CPU. It uses
    aiobotocore where those cannot serve: through a proxy, for directory buckets (S3 Express), for signatures other than
    SigV4. ``aiobotocore`` uses that for everything. :meth:`aios3.Session.describe` says what is used, and why."""

    on_request: RequestHook | None = field(default=None, repr=False)
    """A function that is called with a :class:`aios3.RequestEvent` after every attempt, in the context of the caller.
    It is called on the event loop and must not block; what an async one returns is run as a task. At most 1,000 of them
    run at once: events beyond are dropped, and counted in ``Session.stats().events_dropped``. Closing the session waits
    5 seconds for them, then cancels them. What it raises is logged and harms no request. To pickle the settings, it
    must be a function of a module, or another object that can be pickled."""

    def __post_init__(self) -> None:
        _check_texts(self)
        _check_choices(self)
        _check_bounds(self)
        if isinstance(self.max_concurrency, _Derived):
            object.__setattr__(self, "max_concurrency", _requests_for(self.target_throughput_gbps))
        if not (self.on_request is None or callable(self.on_request)):
            message = f"on_request must be a function that takes a RequestEvent, not {self.on_request!r}"
            raise ConfigError(message)
        credentials = self.credentials
        is_value = credentials is None or credentials == "anonymous" or isinstance(credentials, Credentials)
        if not (is_value or callable(credentials)):
            message = "credentials must be Credentials(...), 'anonymous', a function that returns Credentials, or None"
            raise ConfigError(message)

    def __getstate__(self) -> list[object]:
        if self.on_request is not None:
            import pickle  # noqa: PLC0415 - slow to import

            try:
                pickle.dumps(self.on_request)
            except (pickle.PicklingError, AttributeError, TypeError) as error:
                message = (
                    f"on_request={self.on_request!r} cannot be pickled, so neither can the settings: "
                    f"make it a function of a module ({error})"
                )
                raise pickle.PicklingError(message) from error
        return [getattr(self, each.name) for each in dataclasses.fields(self)]

    def __copy__(self) -> Config:
        return self

    def __deepcopy__(self, memo: object) -> Config:
        return self  # nothing in it changes

    def with_options(self, **options: object) -> Config:
        """Return a copy with ``options`` replaced; raise ConfigError for one that does not exist."""
        if not options:
            return self
        unknown = sorted(set(options) - _FIELDS)
        if unknown:
            message = f"Unknown setting {', '.join(map(repr, unknown))}; the settings are {', '.join(sorted(_FIELDS))}"
            raise ConfigError(message)
        return dataclasses.replace(self, **options)  # type: ignore[arg-type]  # checked by __post_init__

    def with_environment(self, environ: Mapping[str, str] = os.environ) -> Config:
        """Return a copy in which ``OSS_ENDPOINT`` fills ``endpoint_url`` if the arguments left it open."""
        endpoint_url = self.endpoint_url or environ.get("OSS_ENDPOINT") or None
        if endpoint_url is None or endpoint_url == self.endpoint_url:
            return self
        check_endpoint(endpoint_url, "OSS_ENDPOINT")
        return dataclasses.replace(self, endpoint_url=endpoint_url)


_ACCOUNT = re.compile(r"[0-9]{12}")
_MAY_BE_NONE = frozenset(
    {"max_attempts", "max_requests_per_second", "max_bytes_per_second", "tls_timeout", "first_byte_timeout"}
)
_FIELDS = frozenset(f.name for f in dataclasses.fields(Config))

_BOUNDS: dict[str, tuple[float, float]] = {
    "target_throughput_gbps": (0.1, 4_000),
    "max_concurrency": (1, _MAX_REQUESTS),
    "max_requests_per_second": (0.01, 1_000_000),
    "max_bytes_per_second": (1_000, 2**63),
    "block_size": (4 * KIB, 64 * MIB),
    "request_size": (4 * KIB, MAX_PART_SIZE),
    "part_size": (MIN_PART_SIZE, MAX_PART_SIZE),
    "head_size": (MIN_PART_SIZE, MAX_PART_SIZE),
    "multipart_threshold": (MIN_PART_SIZE, MAX_PART_SIZE),
    "max_workers": (1, 10_000),
    "tail_size": (0, MAX_PART_SIZE),
    "memory_budget": (1, 2**63),
    "max_attempts": (1, 100),
    "connect_timeout": (0.001, 86_400),
    "tls_timeout": (0.001, 86_400),
    "first_byte_timeout": (0.001, 86_400),
    "read_timeout": (0.001, 86_400),
}


def _check_texts(config: Config) -> None:
    for name in ("endpoint_url", "region", "profile", "expected_bucket_owner"):
        value = getattr(config, name)
        if not (value is None or isinstance(value, str)):
            message = f"{name} must be a text or None, not {value!r}"
            raise ConfigError(message)
    verify: object = config.verify
    if not isinstance(verify, (bool, str)) or verify == "":
        message = f"verify must be True, False or the name of a file, not {verify!r}"
        raise ConfigError(message)
    if config.endpoint_url is not None:
        check_endpoint(config.endpoint_url, "endpoint_url")
    owner = config.expected_bucket_owner
    if owner is not None and not _ACCOUNT.fullmatch(owner):
        message = f"expected_bucket_owner must be the 12 digits of an account, not {owner!r}"
        raise ConfigError(message)
    if config.request_payer not in {None, "requester"}:
        message = f"request_payer must be 'requester' or None, not {config.request_payer!r}"
        raise ConfigError(message)


ADDRESSING_STYLES: tuple[AddressingStyle, ...] = get_args(AddressingStyle)

_CHOICES = {
    "addressing_style": AddressingStyle,
    "checksums": ChecksumMode,
    "payload_signing": PayloadSigning,
    "transport": TransportChoice,
}


def _check_choices(config: Config) -> None:
    for name, choices in _CHOICES.items():
        value = getattr(config, name)
        if value not in get_args(choices):
            message = f"{name} must be one of {', '.join(map(repr, get_args(choices)))}, not {value!r}"
            raise ConfigError(message)


def _check_hedging(value: object) -> None:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if value is not None and not (is_number and 0 <= value <= 1):  # type: ignore[operator]  # checked just before
        message = f"hedging must be between 0 and 1, or None, not {value!r}"
        raise ConfigError(message)


def target_bytes_per_second(config: Config) -> int:
    """Return the bytes that a reader of one object should receive a second."""
    target = int(config.target_throughput_gbps * _BYTES_PER_GBIT)
    return target if config.max_bytes_per_second is None else min(target, config.max_bytes_per_second)


def highest(name: str) -> int:
    """Return the most that the numeric setting ``name`` may be."""
    return int(_BOUNDS[name][1])


def check_bound(name: str, value: object) -> None:
    """Raise ConfigError if ``value`` is none for the numeric setting ``name``."""
    low, high = _BOUNDS[name]
    kinds = (int, float) if name.endswith(("_timeout", "_gbps", "requests_per_second")) else (int,)
    if not isinstance(value, kinds) or isinstance(value, bool):
        message = f"{name} must be a number, not {value!r}"
        raise ConfigError(message)
    if not low <= value <= high:
        message = f"{name} must be between {low:,} and {high:,}, not {value:,}"
        raise ConfigError(message)


def _check_bounds(config: Config) -> None:
    for name in _BOUNDS.keys() & _FIELDS:
        value = getattr(config, name)
        if value is not None or name not in _MAY_BE_NONE:
            check_bound(name, value)
    _check_hedging(config.hedging)
    if config.request_size < config.block_size:
        message = f"request_size ({config.request_size:,}) must not be smaller than block_size ({config.block_size:,})"
        raise ConfigError(message)
    least = 2 * max(config.request_size, config.part_size)
    if config.memory_budget < least:
        message = (
            f"memory_budget ({config.memory_budget:,}) must be at least {least:,}: "
            "twice the larger of request_size and part_size"
        )
        raise ConfigError(message)
