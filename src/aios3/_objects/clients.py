"""Access to the layers below: the address of the server, and aiobotocore's client for requests that have no verb."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from aios3._arguments import check_arguments
from aios3._paths import S3Url
from aios3._session import current_session

if TYPE_CHECKING:
    from aios3._boto.boto3_clients import AioBaseClient
    from aios3._session import Session


async def get_endpoint_url(profile: str | None = None, *, session: Session | None = None) -> str:
    """Return the address that requests go to, of the session's settings or those of a profile of ``~/.aws``.

    Costs no request. Raises ConfigError for a missing profile.
    """
    check_arguments(profile=profile)
    admin = await current_session(session).admin(S3Url("", "", profile))
    return await admin.endpoint_url()


async def get_s3_client(profile: str | None = None, *, session: Session | None = None) -> AioBaseClient:
    """Return the aiobotocore client of the session's settings, or of those of a profile of ``~/.aws``.

    For S3's other operations. It belongs to the session, which closes it; its errors are botocore's.
    """
    check_arguments(profile=profile)
    admin = await current_session(session).admin(S3Url("", "", profile))
    return cast("AioBaseClient", await admin.raw_client())
