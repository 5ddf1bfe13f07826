"""TLS contexts: one for each way to verify, built once and off the loop; sessions are kept for the next connection.

asyncio gives no way to resume a session. But it asks the context for the object that speaks TLS, and the context can
add the session to that. A session is only ever offered to the host that it was verified for.
"""

from __future__ import annotations

import os
import ssl
from typing import TYPE_CHECKING, NamedTuple

from aios3._ca_bundle import load_ca_bundle, trust_system_cas
from aios3._threads import in_thread

if TYPE_CHECKING:
    from typing import Self

MAX_SESSIONS = 256
MAX_CONTEXTS = 32
"""Ways to verify for which a context is kept: programs may write a file of authorities for each session."""


class _CachedContext(NamedTuple):
    context: ssl.SSLContext
    stamp: tuple[int, ...] | None
    """Which state of the file of authorities it was built from; None without a file, or where there is none."""


_contexts: dict[bool | str, _CachedContext] = {}


async def client_context(verify: bool | str = True, source: str = "verify") -> ssl.SSLContext:
    """Return the context for ``verify``: True, a file of authorities to trust instead of the system's, or False for no
    verification at all. Host names are checked unless it is False.

    A file that was replaced or written anew is read again. Raises ConfigError, which names the ``source`` of the
    setting, for authorities that cannot be read.
    """  # noqa: D205 - one sentence that does not fit into a line
    entry = _contexts.get(verify)
    if entry is None or (isinstance(verify, str) and entry.stamp != await in_thread(_stamp, verify)):
        built = await in_thread(_make_context, verify, source)
        entry = _contexts.get(verify)
        if entry is None or entry.stamp != built.stamp:  # else another call was faster
            entry = _contexts[verify] = built
            if len(_contexts) > MAX_CONTEXTS:
                del _contexts[next(iter(_contexts))]
    return entry.context


def save_session(tls: ssl.SSLObject | None, host: str) -> None:
    """Keep the session of a connection that has been used, for the next one to ``host``.

    In TLS 1.3 the server sends it after the handshake, so it is there only after the first response.
    """
    if tls is not None and isinstance(tls.context, _Context) and (session := tls.session) is not None:
        sessions = tls.context.sessions
        sessions.pop(host, None)
        sessions[host] = session
        if len(sessions) > MAX_SESSIONS:
            del sessions[next(iter(sessions))]


def received_close_notify(tls: ssl.SSLObject | None) -> bool:
    """Return True if the peer sent close_notify. Without TLS a truncated stream cannot be detected.

    asyncio reports both alike. A reading after the end returns nothing, and wants more where there was no end.
    """
    if tls is None:
        return True
    try:
        return not tls.read(1)
    except ssl.SSLError:
        return False


class _Context(ssl.SSLContext):
    """A context that offers the last session of a host again."""

    sessions: dict[str, ssl.SSLSession]

    def __new__(cls, protocol: int) -> Self:
        context = super().__new__(cls, protocol)
        context.sessions = {}
        return context

    def wrap_bio(
        self,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_side: bool = False,
        server_hostname: str | bytes | None = None,
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLObject:
        """Make the object that speaks TLS, as asyncio, uvloop and the native transport ask for it."""
        if isinstance(server_hostname, str):
            session = session or self.sessions.get(server_hostname)
        return super().wrap_bio(incoming, outgoing, server_side, server_hostname, session)


def _stamp(verify: bool | str) -> tuple[int, ...] | None:
    """Return the version of a file of authorities: device, inode, time of change and size."""
    if not isinstance(verify, str):
        return None
    try:
        stat = os.stat(verify)  # noqa: PTH116 - pathlib is slow to import
    except OSError:
        return None
    return stat.st_dev, stat.st_ino, stat.st_mtime_ns, stat.st_size


def _make_context(verify: bool | str, source: str) -> _CachedContext:
    stamp = _stamp(verify)  # before the file is read: what is written meanwhile is read the next time
    context = _Context(ssl.PROTOCOL_TLS_CLIENT)  # checks host names and certificates
    context.set_alpn_protocols(["http/1.1"])
    context.options |= ssl.OP_NO_RENEGOTIATION  # or a request to send could have to wait for a response
    if verify is False:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif verify is True:
        trust_system_cas(context)
    else:
        load_ca_bundle(context, verify, source)
    return _CachedContext(context, stamp)
