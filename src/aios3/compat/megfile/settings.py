"""megfile's settings: its environment variables and its rules for profiles become the session of all its functions."""

from __future__ import annotations

import dataclasses
import os
import re
import threading
from typing import TYPE_CHECKING

import aios3.sync
from aios3 import Config, Credentials, S3Url
from aios3._config import MIB
from aios3._s3_constants import MIN_PART_SIZE
from aios3.compat.megfile.errors import unknown_errors
from aios3.errors import ConfigError, UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, ParamSpec, TypeVar

    from aios3 import AnyPath
    from aios3._config import AddressingStyle

    P = ParamSpec("P")
    T = TypeVar("T")

PathLike = str | os.PathLike[str] | S3Url | aios3.PureS3Path
"""The types that megfile's functions take as a path."""

_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "KI": 2**10, "MI": 2**20, "GI": 2**30, "TI": 2**40}
_QUANTITY = re.compile(r"(?P<number>\d+)\s*(?P<unit>[KMGT]?I?)B?", re.IGNORECASE)

_YES, _NO = ("true", "yes", "1"), ("false", "no", "0")


class Session(aios3.sync.Session):
    """A session that knows profiles from the environment as well, as ``PROFILE__AWS_ACCESS_KEY_ID`` and so on."""

    def config_for(self, profile: str | None) -> Config:
        """Return the settings that reach a path with this profile."""
        if profile is None:
            return self.config
        return profile_config(super().config_for(profile), profile, os.environ)


def text_of(path: PathLike) -> str:
    """Return a path as a text."""
    if isinstance(path, str):
        return path
    return str(path) if isinstance(path, (S3Url, aios3.PureS3Path)) else os.fspath(path)


def run(verb: Callable[..., T], *arguments: object, **options: object) -> T:
    """Call a function of :mod:`aios3.sync` with megfile's session, and raise megfile's errors."""
    with unknown_errors():
        return verb(*arguments, session=session(), **options)


def sync_function(name: str) -> Callable[..., Any]:
    """Return a function of :mod:`aios3.sync`; raise UnsupportedError where this version of aios3 has none."""
    function: Callable[..., Any] | None = getattr(aios3.sync, name, None)
    if function is None:
        message = f"This version of aios3 has no aios3.sync.{name}"
        raise UnsupportedError(message)
    return function


_lock = threading.Lock()
_sessions: dict[tuple[object, ...], Session] = {}


def session(endpoint_url: str | None = None, region: str | None = None) -> Session:
    """Return the session of this process for the environment as it is now; other settings make another one."""
    config = make_config(os.environ)
    if endpoint_url is not None:
        config = config.with_options(endpoint_url=endpoint_url, region=region or config.region)
    profiles = tuple(sorted((name, value) for name, value in os.environ.items() if "__" in name))
    aws = tuple(sorted((name, value) for name, value in os.environ.items() if name.startswith(("AWS_", "OSS_"))))
    key = (os.getpid(), config, profiles, aws)
    with _lock:
        if key not in _sessions or _sessions[key].closed:
            _sessions[key] = Session(config)
        return _sessions[key]


def make_config(environ: Mapping[str, str]) -> Config:
    """Say in aios3's words what megfile's environment variables say."""
    part = max(_size(environ, "WRITER_BLOCK_SIZE", "BLOCK_SIZE") or 8 * MIB, MIN_PART_SIZE)
    request = max(_size(environ, "READER_BLOCK_SIZE", "BLOCK_SIZE") or 8 * MIB, 4096)
    budget = _size(environ, "READER_MAX_BUFFER_SIZE", "WRITER_MAX_BUFFER_SIZE", "MAX_BUFFER_SIZE")
    capacity = _size(environ, "BLOCK_CAPACITY")
    budget = budget or (request * capacity if capacity else 128 * MIB)
    return Config(
        max_concurrency=_size(environ, "MAX_WORKERS") or 32,
        max_attempts=min(_size(environ, "S3_MAX_RETRY_TIMES", "MAX_RETRY_TIMES") or 10, 100),
        block_size=min(request, MIB),
        request_size=request,
        part_size=part,
        memory_budget=max(budget, 2 * max(request, part)),
        verify=_flag(environ, "AWS_S3_VERIFY", default=True),
        addressing_style=_style(environ, "AWS_S3_ADDRESSING_STYLE"),
    )


def profile_config(config: Config, profile: str, environ: Mapping[str, str]) -> Config:
    """Add to the settings of a profile what the environment says of it.

    With its access key there the environment describes the whole profile, and no file need know it.
    """
    start = f"{profile.upper()}__"
    own = {name.removeprefix(start): value for name, value in environ.items() if name.startswith(start) and value}
    endpoint = own.get("OSS_ENDPOINT") or own.get("AWS_ENDPOINT_URL_S3") or own.get("AWS_ENDPOINT_URL")
    if endpoint:
        config = config.with_options(endpoint_url=endpoint)
    if "AWS_ACCESS_KEY_ID" in own:
        key, secret = own["AWS_ACCESS_KEY_ID"], own.get("AWS_SECRET_ACCESS_KEY", "")
        config = config.with_options(credentials=Credentials(key, secret, own.get("AWS_SESSION_TOKEN")), profile=None)
    return dataclasses.replace(
        config,
        verify=_flag(own, "AWS_S3_VERIFY", default=config.verify),
        addressing_style=_style(own, "AWS_S3_ADDRESSING_STYLE", config.addressing_style),
    )


def _size(environ: Mapping[str, str], *names: str) -> int | None:
    """Return the first number that is set; a number of bytes may have a unit, as in ``8Mi``."""
    for name in names:
        text = environ.get(f"MEGFILE_{name}", "").strip()
        if not text:
            continue
        match = _QUANTITY.fullmatch(text)
        if match is None:
            message = f"MEGFILE_{name} must be a number such as 8388608 or 8Mi, not {text!r}"
            raise ConfigError(message)
        return int(match["number"]) * _UNITS[match["unit"].upper()]
    return None


def _flag(environ: Mapping[str, str], name: str, *, default: bool | str) -> bool | str:
    text = environ.get(name, "").strip().lower()
    if not text:
        return default
    if text not in (*_YES, *_NO):
        message = f"{name} must be true or false, not {text!r}"
        raise ConfigError(message)
    return text in _YES


def _style(environ: Mapping[str, str], name: str, default: AddressingStyle = "auto") -> AddressingStyle:
    text = environ.get(name, "").strip().lower()
    if text == "path":
        return "path"
    return "virtual" if text == "virtual" else default


def sizes_for_reading(block_size: int | None) -> dict[str, int]:
    """Say in aios3's words how much one request asks for, inside the session's budget."""
    if block_size is None:
        return {}
    request = max(4096, min(block_size, session().config.memory_budget // 2))
    return {"request_size": request, "block_size": min(request, MIB)}


def sizes_for_writing(block_size: int | None) -> dict[str, int]:
    """Say in aios3's words how large the first parts are, inside S3's limits and the session's budget."""
    if block_size is None:
        return {}
    return {"part_size": max(MIN_PART_SIZE, min(block_size, session().config.memory_budget // 2))}


def resolve_path(bucket: str, key: str, profile: str | None) -> AnyPath:
    """Return the path that megfile's classes are given as bucket, key and profile."""
    return S3Url(bucket, key, profile)
