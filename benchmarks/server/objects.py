"""What the server serves: files of random bytes, the text of the listing, and a certificate of our own authority."""

from __future__ import annotations

import hashlib
import random
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

MIB = 1 << 20
LARGE, LARGE_SIZE = "large/object-00.bin", 1024 * MIB
MEDIUM, MEDIUM_SIZE = "large/object-01.bin", 512 * MIB
LARGE_OBJECTS = {LARGE: LARGE_SIZE, MEDIUM: MEDIUM_SIZE}
"""As listing.lua names them."""
SMALL_SIZE, SMALL_COUNT = 4096, 1000
KEYS = 200_000
SOME_SIZE = 1_000_000_000
"""Of a listed object; it has as many digits as that of the large one, so that only the last entry is padded."""

_ENTRY = (
    "<Contents><Key>{key}</Key><LastModified>2025-06-0{day}T12:34:56.000Z</LastModified><ETag>&quot;{etag}&quot;</ETag>"
    "<Size>{size}</Size><StorageClass>STANDARD</StorageClass></Contents>"
)


def small_key(number: int) -> str:
    """Return the key of a small object; the numbers go round."""
    return f"small/{number % SMALL_COUNT:06d}"


def listed_key(number: int) -> str:
    """Return a key of the synthetic listing, as listing.lua computes it."""
    return f"data/{number // 1000:03d}/{number:06d}.bin"


def make_objects(folder: Path) -> None:
    """Write the large, the medium and the small objects into ``folder``; the same bytes each time."""
    source = random.Random(1)
    for name in ("small", "large"):
        (folder / name).mkdir(parents=True)
    for name, size in LARGE_OBJECTS.items():
        with (folder / name).open("wb") as file:
            for _ in range(size // MIB):
                file.write(source.randbytes(MIB))
    for number in range(SMALL_COUNT):
        (folder / small_key(number)).write_bytes(source.randbytes(SMALL_SIZE))


def make_entries(file: Path, keys: int = KEYS) -> None:
    """Write the ``Contents`` elements of all keys, each of the same width, in key order."""
    listed = [(listed_key(number), SOME_SIZE + number) for number in range(keys)] + list(LARGE_OBJECTS.items())
    entries = [_entry(key, size) for key, size in listed]
    width = max(map(len, entries))
    file.write_text("".join(entry.ljust(width) for entry in entries), encoding="ascii")  # XML allows the spaces


def _entry(key: str, size: int) -> str:
    etag = hashlib.md5(key.encode(), usedforsecurity=False).hexdigest()
    return _ENTRY.format(key=key, day=size % 9 + 1, etag=etag, size=size)


def make_certificate(folder: Path) -> None:
    """Write ``ca.pem``, which clients trust, and ``server.pem`` with ``server.key``; valid for two days."""
    (folder / "names").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\nbasicConstraints=CA:FALSE\n")
    _openssl(folder, "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=benchmarks -keyout ca.key -out ca.pem")
    _openssl(folder, "req -newkey rsa:2048 -nodes -subj /CN=localhost -keyout server.key -out server.csr")
    signed = "x509 -req -days 2 -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -extfile names -out server.pem"
    _openssl(folder, signed)


def _openssl(folder: Path, command: str) -> None:
    subprocess.run(["openssl", *command.split()], cwd=folder, check=True, capture_output=True)
