"""A small web service over S3: streams in both directions, byte ranges, listings; it never holds a whole object.

    python examples/web_service.py [s3://bucket/prefix] [--port 8000]

Without a path it serves an empty bucket of the server that comes with aios3. With any ASGI server:
``AIOS3_ROOT=s3://bucket/prefix uvicorn --factory web_service:create_app``.

    GET    /files/KEY      200, 206 for a Range, 304, 404, 412, 416; HEAD likewise
    PUT    /files/KEY      201 with the ETag; If-None-Match: * and If-Match are left to S3
    DELETE /files/KEY      204
    GET    /list/PREFIX    one JSON object a line, in key order

A client that goes away in the middle of an upload leaves nothing behind: the exception leaves ``async with``, which
aborts the write. One that goes away in the middle of a download closes the object.
"""

from __future__ import annotations

import argparse
import email.utils
import json
import os
import re
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypedDict

import uvicorn
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

import aios3
from aios3.testing import LocalServer

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
    from typing import Protocol

    from starlette.requests import Request
    from starlette.types import Receive, Scope, Send

    class Closable(Protocol):
        """What a response closes when it ends."""

        async def aclose(self) -> None:
            """Give everything back."""


ROOT_VARIABLE = "AIOS3_ROOT"

LINES_AT_ONCE = 256
"""Lines of a listing that are sent together."""

STATUS_OF_ERROR: dict[type[aios3.S3Error], int] = {
    aios3.InvalidPathError: 400,
    aios3.ConfigError: 400,
    aios3.CredentialsError: 502,  # the service's own are not accepted: not the client's doing
    aios3.AccessDeniedError: 403,
    aios3.ObjectNotFoundError: 404,
    aios3.PathIsDirectoryError: 404,
    aios3.ObjectExistsError: 412,
    aios3.ObjectChangedError: 412,
    aios3.InvalidRangeError: 416,
    aios3.ThrottledError: 503,
    aios3.ServerError: 502,
    aios3.ConnectionFailedError: 502,
    aios3.RequestTimeoutError: 504,
}

BYTES_RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})")


class State(TypedDict):
    """What every request finds in ``request.state``."""

    session: aios3.Session


# HTTP's conditions and ranges (RFC 9110, sections 13 and 14), without I/O


class UnsatisfiableRangeError(Exception):
    """No byte of the object lies in the range that was asked for."""


@dataclass(frozen=True, slots=True)
class Span:
    """The bytes ``[start, stop)`` of an object of ``size`` bytes."""

    start: int
    stop: int
    size: int

    @property
    def content_range(self) -> str:
        """The value of the header Content-Range."""
        return f"bytes {self.start}-{self.stop - 1}/{self.size}"


def parse_range(header: str | None, size: int) -> Span | None:
    """Return the span that a Range header asks for; None if the whole object is to be sent.

    A header that is malformed, or asks for several ranges, may be ignored, and is.
    """
    match = BYTES_RANGE.fullmatch((header or "").replace(" ", ""))
    if match is None or match[0] == "bytes=-":
        return None
    first, last = match[1], match[2]
    if not first:
        start, stop = max(0, size - int(last)), size
    elif last and int(last) < int(first):
        return None
    else:
        start, stop = int(first), min(int(last) + 1, size) if last else size
    if start >= stop:
        raise UnsatisfiableRangeError
    return Span(start, stop, size)


def quoted(etag: str | None) -> str | None:
    """Return an entity tag as HTTP writes it: in double quotes."""
    return None if not etag else '"' + etag.strip('"') + '"'


def describe(stat: aios3.StatResult) -> dict[str, str]:
    """Return the headers that tell what the object is."""
    etag = quoted(stat.etag)
    return {
        **stat.headers,
        **({"ETag": etag} if etag else {}),
        "Accept-Ranges": "bytes",
        "Content-Type": stat.content_type or "application/octet-stream",
        "Last-Modified": email.utils.formatdate(stat.mtime, usegmt=True),
        "X-Content-Type-Options": "nosniff",  # the uploader chooses the type: a browser shall not guess another
    }


def lists_tag(header: str, etag: str | None, *, weak: bool) -> bool:
    """Tell whether an If-Match or If-None-Match header names the tag, or says ``*`` for any."""
    tags = [tag.strip() for tag in header.split(",")]
    if weak:
        tags = [tag.removeprefix("W/") for tag in tags]
    return tags == ["*"] or quoted(etag) in tags


def seconds_of(date: str) -> float | None:
    """Return an HTTP date as seconds since the epoch; None if it is none."""
    try:
        return email.utils.parsedate_to_datetime(date).timestamp()
    except ValueError:
        return None


def failed_precondition(headers: Mapping[str, str], stat: aios3.StatResult) -> int | None:
    """Return 412 or 304 if a condition of the request says that the object is not to be sent."""
    if "if-match" in headers:
        if not lists_tag(headers["if-match"], stat.etag, weak=False):
            return 412
    elif "if-unmodified-since" in headers:
        limit = seconds_of(headers["if-unmodified-since"])
        if limit is not None and int(stat.mtime) > limit:
            return 412
    if "if-none-match" in headers:
        return 304 if lists_tag(headers["if-none-match"], stat.etag, weak=True) else None
    if "if-modified-since" in headers:
        limit = seconds_of(headers["if-modified-since"])
        return 304 if limit is not None and int(stat.mtime) <= limit else None
    return None


def wanted_range(headers: Mapping[str, str], stat: aios3.StatResult) -> Span | None:
    """Return the span to send; None for the whole object, also where If-Range names another version."""
    condition = headers.get("if-range")
    if condition is not None and condition not in (quoted(stat.etag), describe(stat)["Last-Modified"]):
        return None
    return parse_range(headers.get("range"), stat.size)


# What the routes do


def path_of(request: Request) -> str:
    """Return the S3 path of the request; a key cannot lead out of the root, because S3 gives ``..`` no meaning."""
    return aios3.path_join(request.app.state.root, request.path_params["key"])


def session_of(request: Request) -> aios3.Session:
    """Return the session that the application's lifespan opened."""
    session = request.state.session
    assert isinstance(session, aios3.Session)
    return session


async def describe_file(request: Request) -> Response:
    """HEAD: respond with the headers alone; one HEAD to S3."""
    stat = await aios3.stat(path_of(request), session=session_of(request))
    if stat.is_dir():
        return Response(status_code=404)
    status = failed_precondition(request.headers, stat)
    if status is not None:
        return Response(status_code=status, headers=describe(stat))
    return Response(headers=describe(stat) | {"Content-Length": str(stat.size)})


async def send_file(request: Request) -> Response:
    """GET: stream the object, or the range of it that was asked for."""
    reader = await aios3.aopen(path_of(request), session=session_of(request))
    try:
        response = response_for(request, reader)
    except BaseException:
        await reader.aclose()
        raise
    if not isinstance(response, OwningResponse):
        await reader.aclose()
    return response


def response_for(request: Request, reader: aios3.AsyncPrefetchReader) -> Response:
    """Choose the response for an open object, without awaiting."""
    stat = reader.stat()
    headers = describe(stat)
    status = failed_precondition(request.headers, stat)
    if status is not None:
        return Response(status_code=status, headers=headers)
    try:
        span = wanted_range(request.headers, stat)
    except UnsatisfiableRangeError:
        return Response(status_code=416, headers=headers | {"Content-Range": f"bytes */{stat.size}"})
    status = 206 if span else 200
    if span:
        headers["Content-Range"] = span.content_range
    else:
        span = Span(0, stat.size, stat.size)
    headers["Content-Length"] = str(span.stop - span.start)
    chunks = chunks_of(reader, span)
    return OwningResponse(chunks, reader, chunks, status_code=status, headers=headers)


class OwningResponse(StreamingResponse):
    """A streamed response that closes what it owns when it ends, however it ends; the last first."""

    def __init__(
        self,
        content: AsyncIterator[memoryview] | AsyncIterator[str],
        *owned: Closable,
        status_code: int = 200,
        headers: Mapping[str, str] | None = None,
        media_type: str | None = None,
    ) -> None:
        super().__init__(content, status_code, headers, media_type)
        self.owned = owned

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the response; Starlette cancels this when the client goes away."""
        async with AsyncExitStack() as stack:
            for owned in self.owned:
                stack.push_async_callback(owned.aclose)
            await super().__call__(scope, receive, send)


async def chunks_of(reader: aios3.AsyncPrefetchReader, span: Span) -> AsyncGenerator[memoryview]:
    """Yield the bytes of the span, without a copy."""
    await reader.seek(span.start)
    left = span.stop - span.start
    async with aclosing(reader.chunks()) as chunks:
        async for chunk in chunks:
            yield chunk[:left]
            left -= len(chunk)
            if left <= 0:
                return


async def receive_file(request: Request) -> Response:
    """PUT: pass the body on to S3 as it comes in."""
    headers = request.headers
    if "content-range" in headers:
        return error(400, "a part of a file cannot be stored")
    mode: Literal["xb", "wb"] = "xb" if headers.get("if-none-match") == "*" else "wb"
    path, session, options = path_of(request), session_of(request), options_of(headers)
    async with aios3.aopen(path, mode, session=session, **options) as writer:
        async for chunk in request.stream():
            await writer.write(chunk)
    etag = quoted(writer.result.etag)
    return Response(status_code=201, headers={"ETag": etag} if etag else None)


def options_of(headers: Mapping[str, str]) -> aios3.WriterOptions:
    """Return what the request's headers say about the object."""
    options = aios3.WriterOptions()
    if "content-type" in headers:
        options["content_type"] = headers["content-type"]
    if "content-encoding" in headers:
        options["content_encoding"] = headers["content-encoding"]
    if "if-match" in headers:
        options["if_match"] = headers["if-match"]
    return options


async def delete_file(request: Request) -> Response:
    """DELETE: remove the object."""
    await aios3.remove(path_of(request), session=session_of(request))
    return Response(status_code=204)


async def list_files(request: Request) -> Response:
    """List what lies below a prefix; the first page is fetched before the status is sent, so errors have theirs."""
    lines = listing_lines(path_of(request), session_of(request))
    try:
        first = await anext(lines, "")
    except BaseException:
        await lines.aclose()
        raise
    content = chain(first, lines)
    return OwningResponse(content, lines, content, media_type="application/x-ndjson")


async def chain(first: str, rest: AsyncIterator[str]) -> AsyncGenerator[str]:
    """Yield ``first`` and then the rest."""
    yield first
    async for lines in rest:
        yield lines


async def listing_lines(path: str, session: aios3.Session) -> AsyncGenerator[str]:
    """Yield the lines of a listing, many at a time."""
    lines: list[str] = []
    async with aclosing(aios3.scan_stat(path, session=session)) as entries:
        async for entry in entries:
            fields = {"path": entry.path, "size": entry.stat.size, "mtime": entry.stat.mtime, "etag": entry.stat.etag}
            lines.append(json.dumps(fields) + "\n")
            if len(lines) == LINES_AT_ONCE:
                yield "".join(lines)
                lines.clear()
    yield "".join(lines)


# Errors


def error(status: int, reason: str) -> JSONResponse:
    """Respond with an error; the client learns its kind, the log has the rest."""
    return JSONResponse({"error": reason}, status)


async def respond_s3_error(_request: Request, exc: Exception) -> Response:
    """Turn an error of aios3 into a status, by the most specific class that has one."""
    for cls in type(exc).__mro__:
        if issubclass(cls, aios3.S3Error) and cls in STATUS_OF_ERROR:
            return error(STATUS_OF_ERROR[cls], type(exc).__name__)
    return error(500, type(exc).__name__)


async def respond_disconnect(_request: Request, _exc: Exception) -> Response:
    """End a request whose client has gone away, with a response that is not read."""
    return Response(status_code=400)


# The application


def by_method(**handlers: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
    """Make one endpoint of several: Starlette gives a path that responds to GET a HEAD of its own otherwise."""

    async def endpoint(request: Request) -> Response:
        return await handlers[request.method](request)

    return endpoint


def create_app(root: str | None = None, config: aios3.Config | None = None) -> Starlette:
    """Make the application that serves what lies below ``root``; None: the environment's ``AIOS3_ROOT``."""

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[State]:
        async with aios3.Session(config) as session:
            yield {"session": session}

    files = by_method(GET=send_file, HEAD=describe_file, PUT=receive_file, DELETE=delete_file)
    app = Starlette(
        routes=[
            Route("/files/{key:path}", files, methods=["GET", "HEAD", "PUT", "DELETE"]),
            Route("/list/{key:path}", list_files, methods=["GET"]),
        ],
        exception_handlers={aios3.S3Error: respond_s3_error, ClientDisconnect: respond_disconnect},
        lifespan=lifespan,
    )
    app.state.root = str(aios3.S3Url.parse(root or os.environ[ROOT_VARIABLE]).require_bucket())
    return app


def main() -> None:
    """Serve a path of S3, or an empty bucket of an embedded server."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root", nargs="?", help="what to serve, s3://bucket/prefix")
    parser.add_argument("--port", type=int, default=8000)
    arguments = parser.parse_args()
    if arguments.root:
        uvicorn.run(create_app(arguments.root), port=arguments.port)
        return
    with LocalServer(buckets=["files"]) as server:
        uvicorn.run(create_app("s3://files", aios3.Config(**server.config)), port=arguments.port)


if __name__ == "__main__":
    main()
