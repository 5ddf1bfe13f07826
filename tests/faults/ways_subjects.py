"""What is under way when it is left: each file that writes, and each verb, with what it needs and what it leaves."""

from __future__ import annotations

import asyncio
import io
import zipfile
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
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
        return {table.STORING: MIDDLE, table.STORED: SMALL, table.DELETED: SMALL}.get(self.state, LARGE)

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
    "Storage.open": ("wb", {}),
}


def opening(scene: Scene):
    mode, options = _OPTIONS[scene.subject]
    if scene.subject == "Storage.open":
        return aios3.Storage(scene.bucket, session=scene.session).open("target", mode)
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


async def extract(scene: Scene) -> None:
    async with aios3.open_zip(f"{scene.bucket}/archive", session=scene.session) as archive:
        await archive.extract_all(scene.local)


async def use_local_path(scene: Scene) -> None:
    async with aios3.cached_path(f"{scene.bucket}/tree/target", session=scene.session):
        pytest.fail("the object never came as a whole")


async def read_on_disk(scene: Scene) -> None:
    async with aios3.aopen(f"{scene.bucket}/tree/target", buffering="disk", session=scene.session) as file:
        await file.read()


VERBS: dict[str, Callable[[Scene], Awaitable[object]]] = {
    "write_bytes": lambda s: aios3.write_bytes(s.target, s.data, session=s.session),
    "copy": lambda s: aios3.copy(f"{s.bucket}/small", s.target, session=s.session),
    "copy in parts": lambda s: aios3.copy(
        f"{s.bucket}/large", s.target, multipart_threshold=5 * MIB, session=s.session
    ),
    "move": lambda s: aios3.move(f"{s.bucket}/small", s.target, session=s.session),
    "move tree": lambda s: aios3.move(f"{s.bucket}/tree/", f"{s.bucket}/moved/", session=s.session),
    "remove tree": lambda s: aios3.remove(f"{s.bucket}/tree/", session=s.session),
    "concat": lambda s: aios3.concat([f"{s.bucket}/large"], s.target, session=s.session),
    "upload": lambda s: aios3.upload(s.local / "target", s.target, session=s.session),
    "sync_tree": lambda s: aios3.sync_tree(s.local, s.bucket, session=s.session),
    "sync_tree, deleting": lambda s: aios3.sync_tree(s.local, f"{s.bucket}/tree/", delete=True, session=s.session),
    "create_zip": zip_up,
    "Storage.put": lambda s: aios3.Storage(s.bucket, session=s.session).put(s.local / "target", "target"),
    "Storage.upload": storage_upload,
    "Storage.get": lambda s: aios3.Storage(s.bucket, session=s.session).get("tree/target", s.local / "target"),
    "Volume.store": lambda s: aios3.Volume(s.bucket.removeprefix("s3://"), session=s.session).store(s.data, "target"),
    "Bucket.put_object": lambda s: aios3.Bucket(s.bucket, session=s.session).put_object("target", s.data),
    "Bucket.upload_object": lambda s: aios3.Bucket(s.bucket, session=s.session).upload_object(
        "target", io.BytesIO(s.data), part_size=5 * MIB
    ),
    "download": lambda s: aios3.download(f"{s.bucket}/tree/target", s.local / "target", session=s.session),
    "download tree": lambda s: aios3.download(f"{s.bucket}/tree/", s.local, session=s.session),
    "sync_tree down": lambda s: aios3.sync_tree(f"{s.bucket}/tree/", s.local, session=s.session),
    "extract_all": extract,
    "cached_path": use_local_path,
    "open on disk": read_on_disk,
    "touch": lambda s: aios3.touch(f"{s.bucket}/touched", session=s.session),
    "symlink": lambda s: aios3.symlink(f"{s.bucket}/large", f"{s.bucket}/link", session=s.session),
}
NEW_KEYS = {"touch": "touched", "symlink": "link"}
"""What a verb makes where nothing was before."""


async def run(scene: Scene) -> None:
    """Run a subject to its end."""
    await (write(scene) if scene.subject in table.WRITERS else VERBS[scene.subject](scene))


TREE = ("move tree", "remove tree", "sync_tree, deleting")
"""What works on all objects below ``tree/``."""
RECEIVED = bytes(range(256)) * 2048
"""512 KiB: two requests."""


def prepare(scene: Scene, admin: Admin) -> None:
    """Store what the subject needs, and what it must not harm."""
    admin.put(f"{scene.bucket}/small", SMALL)
    (scene.local / "target").write_bytes(OLD if scene.subject in table.RECEIVERS else scene.data)
    if scene.subject in table.RECEIVERS:
        admin.put(f"{scene.bucket}/tree/target", RECEIVED)
        admin.put(f"{scene.bucket}/archive", _archive())
        return
    if scene.subject in TREE:
        admin.put(f"{scene.bucket}/tree/1", SMALL)
        admin.put(f"{scene.bucket}/tree/2", SMALL)
        return
    admin.put(scene.target, LARGE if scene.subject == "append" else OLD)
    if scene.subject in ("copy in parts", "concat"):
        admin.put(f"{scene.bucket}/large", LARGE)


def _archive() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("target", RECEIVED)
    return packed.getvalue()


def check_stored(scene: Scene, stored: str, admin: Admin) -> None:
    """Compare what is under the path with what must be there."""
    assert admin.uploads(scene.bucket) == []
    assert admin.exists(f"{scene.bucket}/small") == ((scene.subject, scene.state) != ("move", table.DELETED))
    if scene.subject in table.RECEIVERS:
        assert {path.name: path.read_bytes() for path in scene.local.rglob("*")} == {"target": OLD}
    elif scene.subject in TREE:
        _check_tree(scene, set(admin.keys(scene.bucket)))
    elif scene.subject in NEW_KEYS:
        assert admin.exists(f"{scene.bucket}/{NEW_KEYS[scene.subject]}") == (stored == "new")
    else:
        _check_target(scene, stored, admin.get(scene.target))


def _check_tree(scene: Scene, keys: set[str]) -> None:
    """Nothing is deleted whose copy is not there, and nothing that is not to go."""
    before = {"tree/1", "tree/2"}
    if scene.state == table.STORED:
        assert keys >= before
    else:
        assert not keys & before
    if scene.subject == "move tree" and scene.state == table.DELETED:
        assert keys >= {"moved/1", "moved/2"}
    if scene.subject == "sync_tree, deleting":
        assert "tree/target" in keys


def _check_target(scene: Scene, stored: str, found: bytes) -> None:
    if stored == "old":
        assert found == (LARGE if scene.subject == "append" else OLD)
    elif scene.subject == "create_zip":
        assert found.startswith(b"PK")
        assert len(found) > len(LARGE)
    else:
        made = {"append": LARGE + LARGE, "copy": SMALL, "move": SMALL, "copy in parts": LARGE, "concat": LARGE}
        assert found == made.get(scene.subject, scene.data)
