"""Whatever a server says, and however the network cuts it: the same response, or a named error. Never a hang."""

import asyncio

import httptools
from hypothesis import given, settings
from hypothesis import strategies as st
from line_server import Line, cut

from aios3._http.connection import BrokenBodyError, Connection, ProtocolError, ServerClosedError
from aios3._http.response_head import parse_head
from thorough import examples

REQUEST = b"GET / HTTP/1.1\r\n\r\n"


async def exchange(pieces, view_size=1000, *, bodyless=False):
    """Return status, headers, body and whether the connection may be kept; or the class of the error."""
    connection = Connection()
    line = Line(connection, pieces)
    body = bytearray()
    view = memoryview(bytearray(view_size))
    try:
        head = await connection.send(REQUEST, bodyless=bodyless)
        while count := await connection.readinto(view):
            body += view[:count]
            assert len(connection._scratch._data) == 64 * 1024
    except (ProtocolError, BrokenBodyError, ServerClosedError) as error:
        assert not connection.is_reusable
        return type(error), bytes(body)
    finally:
        line.abort()
        await asyncio.sleep(0)
        assert connection._waiter is None
        assert connection._timer._timer is None
    return head.status, head.headers, bytes(body), connection._keep_alive


def chunked(body, sizes):
    coded = bytearray(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX: y\r\n\r\n")
    while body:
        size = sizes.pop() if sizes else len(body)
        part, body = body[:size], body[size:]
        coded += b"%X;ext=1\r\n%b\r\n" % (len(part), part)
    return bytes(coded) + b"0\r\nTrailer: z\r\n\r\n"


bodies = st.binary(max_size=300) | st.integers(0, 200_000).map(lambda size: (b"0123456789\r\n" * 20_000)[:size])
points = st.lists(st.integers(0, 1 << 20), max_size=20)


@given(
    bodies, points, st.sampled_from([1, 7, 5000, 100_000]), st.sampled_from(["length", "chunked", "close"]), st.data()
)
@settings(deadline=None, max_examples=examples(150))
async def test_a_response_is_the_same_however_the_network_cuts_it(body, points, view_size, kind, data):
    if view_size < 100:
        body = body[:2000]
    if kind == "length":
        response = b"HTTP/1.1 200 OK\r\nX: y\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
    elif kind == "chunked":
        response = chunked(body, data.draw(st.lists(st.integers(1, 5000), max_size=10)))
    else:
        response = b"HTTP/1.1 200 OK\r\nX: y\r\n\r\n" + body
    response = data.draw(st.sampled_from([b"", b"HTTP/1.1 100 Continue\r\n\r\n"])) + response
    status, headers, got, keep = await exchange(cut(response, points), view_size)
    assert (status, headers["x"], got, keep) == (200, "y", body, kind != "close")


@given(st.binary(max_size=300), points, st.sampled_from(["length", "chunked"]), st.integers(1, 1000))
@settings(deadline=None, max_examples=examples(150))
async def test_a_response_cut_short_is_always_an_error(body, points, kind, missing):
    body += b"end"
    whole = (
        chunked(body, [7, 20])
        if kind == "chunked"
        else b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b"
        % (
            len(body),
            body,
        )
    )
    response = whole[: -(1 + missing % len(whole))]
    result = await exchange(cut(response, points))
    assert result[0] in {BrokenBodyError, ServerClosedError}
    assert body.startswith(result[1])


heads = [b"HTTP/1.1 200 OK\r\n", b"HTTP/1.0 200 OK\r\n", b"HTTP/1.1 204 No\r\n", b"HTTP/1.1 100 C\r\n\r\n"]
lengths = [b"Content-Length: 5\r\n", b"Content-Length: 99999999\r\n", b"Transfer-Encoding: chunked\r\n"]
others = [b"Connection: close\r\n", b"A: b\r\n", b" folded\r\n", b"\r\n", b"\n", b"\0", b"A: b\r\n" * 300]
parts = [b"5\r\nhello\r\n", b"0\r\n\r\n", b"hello", b"x" * 70_000]
fragments = st.sampled_from(heads + lengths + others + parts)


@given(st.lists(fragments | st.binary(max_size=20), max_size=12).map(b"".join), points, st.booleans())
@settings(deadline=None, max_examples=examples(400))
async def test_any_bytes_end_in_a_response_or_a_named_error(data, points, bodyless):
    whole = await asyncio.wait_for(exchange([data], bodyless=bodyless), 20)
    in_pieces = await asyncio.wait_for(exchange(cut(data, points), bodyless=bodyless), 20)
    if isinstance(whole[0], type) or isinstance(in_pieces[0], type):
        assert isinstance(whole[0], type) == isinstance(in_pieces[0], type)
    else:
        assert whole[:3] == in_pieces[:3]


class FoundSetting:
    """What the parser says the headers are."""

    def __init__(self):
        self.headers = {}

    def on_header(self, name, value):
        key, text = name.decode().lower(), value.decode("utf-8", "surrogateescape").rstrip(" \t")
        self.headers[key] = f"{self.headers[key]}, {text}" if key in self.headers else text


names = st.sampled_from([b"A", b"a", b"X-Amz-Meta-B", b"content-type"])
values = st.one_of(
    st.text(st.characters(codec=codec, exclude_characters="\r\n"), max_size=20).map(
        lambda text, codec=codec: text.encode(codec)
    )
    for codec in ("utf-8", "latin-1")
)
separators = st.sampled_from([b"\r\n"] * 20 + [b"\n", b"\r", b"\r\n ", b"\r\n\t", b" \r\n"])


@given(st.lists(st.tuples(names, st.sampled_from([b":", b": ", b":\t", b" :"]), values, separators), max_size=8))
@settings(deadline=None, max_examples=examples(300))
async def test_headers_are_what_the_parser_says_they_are(lines):
    head = b"HTTP/1.1 200 OK\r\n" + b"".join(b"".join(line) for line in lines) + b"\r\n"
    found = FoundSetting()
    parser = httptools.HttpResponseParser(found)
    try:
        got = parse_head(head)[0].headers
    except ProtocolError:
        return
    parser.feed_data(head)
    assert got == found.headers
