"""What is under way when it is left: each file that writes, and each verb, with what it needs and what it leaves."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import ways_table as table

import aios3

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from admin import Admin

MIB = 1024 * 1024
OLD = b"what was there before"
LARGE = bytes(range(256)) * (4 * 1024 * 11)
"""11 MiB: two parts and a rest."""
MIDDLE = bytes(20 * MIB)
"""One request, and more than what the system takes of it when nobody reads."""
MIDDLE_SIZES = {"part_size": 24 * MIB, "memory_budget": 96 * MIB}
SMALL = b"small"


class MishapError(Exception):
    """What goes wrong in a block."""


@dataclass
class Scene:
    """One subject on its way: where it works, and what the test and it tell each other."""

    bucket: str
    session: aios3.Session
    local: Path
    subject: str
    state: str
    inside: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the block has done what it does before it waits."""
    go: asyncio.Event = field(default_factory=asyncio.Event)
    fails: bool = False
    file: object = None

    @property
    def target(self) -> str:
        return f"{self.bucket}/target"

    @property
    def data(self) -> bytes:
        if self.subject == "pipe":
            return LARGE[: 6 * MIB]  # with a part more, writing waits for the one before
        return {table.STORING: MIDDLE, table.STORED: SMALL}.get(self.state, LARGE)

    @property
    def stays(self) -> bool:
        """Whether the subject is in the block of a file when it is left."""
        return self.subject in table.WRITERS and table.in_block(self.subject, self.state)

    @property
    def fails_inside(self) -> bool:
        """Whether the block fails by itself, so that the file is aborted."""
        return self.state == table.ABORTING and self.subject in table.WRITERS and self.subject not in table.WHOLE

    async def stay(self) -> None:
        """Be in the block of a file until the test says how to leave it."""
        self.inside.set()
        if self.fails_inside:
            raise MishapError
        if self.stays:
            await self.go.wait()
        if self.fails:
            raise MishapError


_OPTIONS = {
    "prefetch": ("wb", {}),
    "append": ("ab", {}),
    "pipe": ("wb", {"buffering": "pipe"}),
    "limited": ("wb", {"buffering": "limited", "head_size": 5 * MIB, "tail_size": 0}),
    "text": ("w", {"encoding": "latin-1", "newline": ""}),
    "memory": ("wb", {"buffering": "memory"}),
    "disk": ("wb", {"buffering": "disk"}),
}


def opening(scene: Scene):
    mode, options = _OPTIONS[scene.subject]
    return aios3.aopen(scene.target, mode, session=scene.session, **options)


async def fill(scene: Scene, file) -> None:
    """Write what brings a file into the state."""
    data = SMALL if scene.state == table.NOTHING else scene.data
    await file.write(data.decode("latin-1") if scene.subject == "text" else data)
    if scene.state == table.CREATED:
        inner = file.buffer if scene.subject == "text" else file
        await (inner._writer if scene.subject == "pipe" else inner)._upload.drain()


async def write(scene: Scene) -> None:
    async with opening(scene) as file:
        scene.file = file
        await fill(scene, file)
        await scene.stay()


async def begin(scene: Scene) -> None:
    """Write, and leave the file open."""
    scene.file = await opening(scene)
    await fill(scene, scene.file)


async def zip_up(scene: Scene) -> None:
    async with aios3.create_zip(scene.target, compression="stored", session=scene.session) as archive:
        await archive.write("a", scene.data)
        await scene.stay()


async def storage_upload(scene: Scene) -> None:
    storage = aios3.Storage(scene.bucket, session=scene.session)

    async def pieces():
        yield scene.data
        await scene.stay()

    await storage.upload(pieces(), "target")


def failing(path) -> Callable[[object], None]:
    """Fail when the bytes have been sent, so that the upload is aborted."""

    def progress(event: object) -> None:
        raise MishapError

    return progress


VERBS: dict[str, Callable[[Scene], Awaitable[object]]] = {
    "write_bytes": lambda s: aios3.write_bytes(s.target, s.data, session=s.session),
    "copy": lambda s: aios3.copy(f"{s.bucket}/small", s.target, session=s.session),
    "copy in parts": lambda s: aios3.copy(
        f"{s.bucket}/large", s.target, multipart_threshold=5 * MIB, session=s.session
    ),
    "move": lambda s: aios3.move(f"{s.bucket}/small", s.target, session=s.session),
    "concat": lambda s: aios3.concat([f"{s.bucket}/large"], s.target, session=s.session),
    "upload": lambda s: aios3.upload(s.local / "target", s.target, session=s.session),
    "sync_tree": lambda s: aios3.sync_tree(s.local, s.bucket, session=s.session),
    "create_zip": zip_up,
    "Storage.put": lambda s: aios3.Storage(s.bucket, session=s.session).put(s.local / "target", "target"),
    "Storage.upload": storage_upload,
    "touch": lambda s: aios3.touch(f"{s.bucket}/touched", session=s.session),
    "symlink": lambda s: aios3.symlink(f"{s.bucket}/large", f"{s.bucket}/link", session=s.session),
}
NEW_KEYS = {"touch": "touched", "symlink": "link"}
"""What a verb makes where nothing was before."""


async def run(scene: Scene) -> None:
    """Run a subject to its end."""
    await (write(scene) if scene.subject in table.WRITERS else VERBS[scene.subject](scene))


def prepare(scene: Scene, admin: Admin) -> None:
    """Store what the subject needs, and what it must not harm."""
    admin.put(f"{scene.bucket}/small", SMALL)
    admin.put(scene.target, LARGE if scene.subject == "append" else OLD)
    if scene.subject in ("copy in parts", "concat"):
        admin.put(f"{scene.bucket}/large", LARGE)
    (scene.local / "target").write_bytes(scene.data)


def check_stored(scene: Scene, stored: str, admin: Admin) -> None:
    """Compare what is under the path with what must be there."""
    assert admin.uploads(scene.bucket) == []
    new_key = NEW_KEYS.get(scene.subject)
    if new_key is not None:
        assert admin.exists(f"{scene.bucket}/{new_key}") == (stored == "new")
        return
    found = admin.get(scene.target)
    old = LARGE if scene.subject == "append" else OLD
    if stored == "old":
        assert found == old
    elif scene.subject == "create_zip":
        assert found.startswith(b"PK")
        assert len(found) > len(LARGE)
    else:
        assert found == {
            "append": LARGE + LARGE,
            "copy": SMALL,
            "move": SMALL,
            "copy in parts": LARGE,
            "concat": LARGE,
        }.get(scene.subject, scene.data)
    assert admin.exists(f"{scene.bucket}/small")
