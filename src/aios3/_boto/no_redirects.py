"""aiobotocore's connections, without redirects to other hosts, hidden repetitions, and passwords of proxies in errors.

aiohttp would follow a redirect to any host, with the session token in its headers, and believe that host's response.
Only botocore follows redirects, from which it learns regions. The address of a proxy stands in the errors of aiohttp,
so its user and password are passed to aiohttp apart from that.

aiohttp also sends a request without a body again where its connection breaks before the response. The library would
not know then that a response was lost, and would take an object that it has made for another client's.
"""

from __future__ import annotations

import base64
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

from aiobotocore.httpsession import AIOHTTPSession
from aiohttp import ClientHttpProxyError, ClientTimeout, RequestInfo
from multidict import CIMultiDict, CIMultiDictProxy

from aios3._boto.subresources import check_subresource
from aios3._proxies import proxy_host
from aios3.errors import ConfigError, UnsupportedError


class _Proxy(NamedTuple):
    """The arguments of aiohttp for a proxy."""

    url: str | None
    login: dict[str, str]
    """The header for the user and the password; empty without."""


class _Requests:
    """The methods of aiohttp's session that aiobotocore calls."""

    def __init__(self, session: Any, proxy: _Proxy) -> None:  # noqa: ANN401 - aiohttp's types are not needed
        session._retry_connection = False  # noqa: SLF001 - aiohttp has no public way, and its test client does the same
        self._session = session
        self._proxy = proxy

    async def request(self, method: str, **options: Any) -> Any:  # noqa: ANN401 - passed on as they are
        rejection = None
        if self._proxy.url is not None:
            options["proxy"] = self._proxy.url
            # Through a tunnel the proxy sees the head of CONNECT only, and the server must not see the password.
            at = "proxy_headers" if options["url"].scheme == "https" else "headers"
            options[at] = CIMultiDict({**options[at], **self._proxy.login})
            options["timeout"] = _bounded(options.get("timeout") or self._session.timeout)
        try:
            response = await self._session.request(method, **options, allow_redirects=False)
        except ClientHttpProxyError as error:
            rejection = _without_request(error)
        else:
            check_subresource(method, options["url"].query, response)
            return response
        raise rejection


def _bounded(timeout: ClientTimeout) -> ClientTimeout:
    """Bound the time for the tunnel too: aiohttp waits for ever for a proxy that does not respond to CONNECT."""
    sock_connect, sock_read = timeout.sock_connect, timeout.sock_read
    whole = sock_connect + sock_read if sock_connect and sock_read else None
    return ClientTimeout(total=timeout.total, connect=whole, sock_connect=sock_connect, sock_read=sock_read)


def _without_request(error: ClientHttpProxyError) -> ClientHttpProxyError:
    """Return the rejection of a proxy without the headers that were sent to it; they hold the password."""
    request = error.request_info
    info = RequestInfo(request.url, request.method, CIMultiDictProxy(CIMultiDict()), request.real_url)
    return ClientHttpProxyError(info, (), status=error.status, message=error.message)


class NoRedirectSession(AIOHTTPSession):  # type: ignore[misc]  # aiobotocore has no types
    """The sender of aiobotocore's requests; a response 3xx is handed to botocore as it is."""

    def _build_verify_context(self) -> Any:  # noqa: ANN401 - aiobotocore has no types
        """Trust the system's authorities besides botocore's, as native connections do, unless others are named."""
        context = super()._build_verify_context()
        if self._verify is True:
            context.load_default_certs()
        return context

    async def _get_session(self, proxy_url: str | None) -> _Requests:
        proxy = _proxy_of(proxy_url)
        return _Requests(await super()._get_session(proxy.url), proxy)


def _proxy_of(url: str | None) -> _Proxy:
    """Take the address of a proxy apart; raise ConfigError, without the password, if it is none."""
    if url is None:
        return _Proxy(None, {})
    parts = urlsplit(url)
    try:
        # botocore puts http:// before what has no scheme, and before another one than that.
        is_address = bool(parts.hostname) and parts.port != 0 and url.count("//") == 1
    except ValueError:
        is_address = False
    if not is_address:
        message = f"The environment names a proxy that is no address, {proxy_host(url)!r}; write http://host:port"
        raise ConfigError(message) from None
    bare = f"{parts.scheme}://{proxy_host(url)}"
    if parts.username is None:
        return _Proxy(bare, {})
    login = f"{unquote(parts.username)}:{unquote(parts.password or '')}".encode()
    return _Proxy(bare, {"Proxy-Authorization": f"Basic {base64.b64encode(login).decode('ascii')}"})


if not hasattr(AIOHTTPSession, "_get_session"):
    message = "This version of aiobotocore would follow redirects to other hosts with your credentials; use 3.9 or 3.10"
    raise UnsupportedError(message)
