"""aiobotocore's connections without redirects: botocore learns regions from them, and nobody else is to follow one.

aiohttp would follow a redirect to any host, with the session token in its headers, and what that host answers would be
believed.
"""

from __future__ import annotations

from typing import Any

from aiobotocore.httpsession import AIOHTTPSession

from aios3.errors import UnsupportedError


class _Requests:
    """What aiobotocore calls of aiohttp's session."""

    def __init__(self, session: Any) -> None:  # noqa: ANN401 - aiohttp's types are not needed
        self._session = session

    async def request(self, method: str, **options: Any) -> Any:  # noqa: ANN401 - passed on as they are
        return await self._session.request(method, **options, allow_redirects=False)


class UnfollowingSession(AIOHTTPSession):  # type: ignore[misc]  # aiobotocore has no types
    """What aiobotocore sends requests with; an answer 3xx is handed to botocore as it is."""

    def _build_verify_context(self) -> Any:  # noqa: ANN401 - aiobotocore has no types
        """Trust the system's authorities besides botocore's, as our own connections do, unless others are named."""
        context = super()._build_verify_context()
        if self._verify is True:
            context.load_default_certs()
        return context

    async def _get_session(self, proxy_url: str | None) -> _Requests:
        return _Requests(await super()._get_session(proxy_url))


if not hasattr(AIOHTTPSession, "_get_session"):
    message = "This version of aiobotocore would follow redirects to other hosts with your credentials; use 3.9 or 3.10"
    raise UnsupportedError(message)
