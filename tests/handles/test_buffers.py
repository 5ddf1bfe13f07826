"""What is written from memory: of any shape, type and order of bytes, as io.BytesIO takes it, or rejects it."""

from __future__ import annotations

import array
import ctypes
import io

import pytest
from fake_s3 import URL
from writers import BINARY, close_of, opened

import aios3

_INTEGERS = array.array("i", [1, 2, 3, 4, 5, 6])

BUFFERS = {
    "bytes": b"abc",
    "bytearray": bytearray(b"abc"),
    "an array": _INTEGERS,
    "two dimensions": memoryview(_INTEGERS).cast("B").cast("i", (2, 3)),
    "an empty array": array.array("d"),
    "no row of two dimensions": ((ctypes.c_int32 * 3) * 0)(),
    "big endian": (ctypes.c_int32.__ctype_be__ * 2)(1, 2),
    "little endian": (ctypes.c_int32.__ctype_le__ * 2)(1, 2),
    "every second byte": memoryview(b"abcdef")[::2],
    "backwards": memoryview(b"abcdef")[::-1],
    "text": "abc",
    "a number": 5,
    "none": None,
}


def oracle(data):
    whole = io.BytesIO()
    try:
        size = whole.write(data)
    except (TypeError, BufferError) as error:
        return type(error)
    return size, whole.getvalue()


def rejection(error):
    """Return the builtin that a rejection is."""
    return next(kind for kind in (BufferError, TypeError) if isinstance(error, kind))


@pytest.mark.parametrize("name", BUFFERS)
@pytest.mark.parametrize("kind", BINARY)
async def test_a_writer_takes_what_bytesio_takes(memory_session, s3, kind, name):
    s3.put(URL.key, b"")
    file = await opened(kind, memory_session)
    try:
        size = await file.write(BUFFERS[name])
    except (TypeError, BufferError) as error:
        size = rejection(error)
    await close_of(file)()
    if kind == "pipe without joining":
        await file.wait()
    stored = s3.objects[URL.key].data
    expected = oracle(BUFFERS[name])
    assert (size if isinstance(expected, type) else (size, stored)) == expected
    assert not isinstance(expected, type) or stored == b""


@pytest.mark.parametrize("name", BUFFERS)
async def test_write_bytes_takes_what_bytesio_takes(memory_session, s3, name):
    expected = oracle(BUFFERS[name])
    if isinstance(expected, type):
        with pytest.raises(expected):
            await aios3.write_bytes(URL, BUFFERS[name], session=memory_session)
        assert URL.key not in s3.objects
    else:
        await aios3.write_bytes(URL, BUFFERS[name], session=memory_session)
        assert s3.objects[URL.key].data == expected[1]


@pytest.mark.parametrize("name", [name for name in BUFFERS if not isinstance(oracle(BUFFERS[name]), type)])
async def test_write_from_takes_what_bytesio_takes(memory_session, s3, name):
    async with aios3.aopen(URL, "wb", session=memory_session) as file:
        await file.write_from([BUFFERS[name], BUFFERS[name]])
    assert s3.objects[URL.key].data == oracle(BUFFERS[name])[1] * 2
