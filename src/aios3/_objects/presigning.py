"""Let others act on one object for a while, without credentials: signed URLs and forms. Nothing is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

from aios3._arguments import check_arguments
from aios3._paths import S3Url
from aios3._s3_constants import MAX_PRESIGN_SECONDS
from aios3._session import current_session
from aios3.errors import ConfigError, NoCredentialsError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aios3._entries import PresignedPost
    from aios3._paths import AnyPath
    from aios3._session import Session

PresignMethod = Literal["GET", "PUT", "DELETE", "HEAD"]

_OPERATIONS = {"GET": "GetObject", "PUT": "PutObject", "DELETE": "DeleteObject", "HEAD": "HeadObject"}


async def presign(
    path: AnyPath,
    expires_in: int = 3600,
    method: PresignMethod = "GET",
    parameters: Mapping[str, str] | None = None,
    *,
    session: Session | None = None,
) -> str:
    """Return a URL with which anybody can make one kind of request on one object for ``expires_in`` seconds.

    ``method`` is that of the request: GET, PUT, DELETE or HEAD. ``parameters`` are further ones of S3's operation, by
    its names: ``{"ResponseContentDisposition": "attachment"}``, ``{"VersionId": ...}``; with ``ContentType`` the sender
    of a PUT must send that type. At most seven days, and never longer than the credentials last. Costs no request, so
    the object need not exist.

    Raises ConfigError for another time or method or an unknown parameter, NoCredentialsError, PathIsDirectoryError.
    """
    check_arguments(parameters=parameters)
    current, url = current_session(session), S3Url.parse(path).require_object()
    _check_time(expires_in)
    if method not in get_args(PresignMethod):
        message = f"method must be one of {', '.join(map(repr, get_args(PresignMethod)))}, not {method!r}"
        raise ConfigError(message)
    _check_signs(current, url)
    admin = await current.admin(url)
    target = {"Bucket": url.bucket, "Key": url.key}
    return await admin.presign(_OPERATIONS[method], {**(parameters or {}), **target}, expires_in)


async def presign_post(
    path: AnyPath,
    expires_in: int = 3600,
    fields: Mapping[str, str] | None = None,
    conditions: Sequence[Mapping[str, str] | Sequence[str | int]] = (),
    *,
    session: Session | None = None,
) -> PresignedPost:
    """Return a form with which anybody can upload one object for ``expires_in`` seconds, from a browser for example.

    ``fields`` are sent with it as they are, such as ``{"Content-Type": "image/png"}``, and allowed by the policy.
    ``conditions`` are those of the policy besides: ``["content-length-range", 1, 10485760]``. The fields of the
    response go into a ``multipart/form-data`` form before the file. Costs no request. A form has no place for
    ``request_payer`` and ``expected_bucket_owner`` of the session ("POST Object", Amazon S3 API reference).

    Raises ConfigError for a time beyond seven days, NoCredentialsError, PathIsDirectoryError.
    """
    check_arguments(fields=fields, conditions=conditions)
    current, url = current_session(session), S3Url.parse(path).require_object()
    _check_time(expires_in)
    _check_signs(current, url)
    fixed: list[object] = [{name: value} for name, value in (fields or {}).items()]
    admin = await current.admin(url)
    return await admin.presign_post(url, fields or {}, [*fixed, *conditions], expires_in)


def _check_signs(session: Session, url: S3Url) -> None:
    if session.config_for(url.profile).credentials == "anonymous":
        message = f"An anonymous session has nothing to sign {url} with; give it credentials"
        raise NoCredentialsError(message, path=str(url))


def _check_time(expires_in: int) -> None:
    if type(expires_in) is not int or not 1 <= expires_in <= MAX_PRESIGN_SECONDS:
        message = f"expires_in must be 1 to {MAX_PRESIGN_SECONDS:,} seconds (seven days), not {expires_in!r}"
        raise ConfigError(message)
