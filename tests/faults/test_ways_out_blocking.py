"""The ways out of the blocking face inside of a process: errors, aborts, forgotten files, sessions closed elsewhere."""

from __future__ import annotations

import contextlib
import gc
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
import ways_table as table
from fault_common import MIB
from ways_subjects import LARGE, OLD, RECEIVED, SMALL, MishapError

import aios3
import aios3.sync
from open_files import open_files_below

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

OPTIONS = {
    "sync.open": ("wb", {}),
    "sync.open append": ("ab", {}),
    "sync.open pipe": ("wb", {"buffering": "pipe"}),
    "sync.open limited": ("wb", {"buffering": "limited", "head_size": 5 * MIB, "tail_size": 0}),
    "sync.open text": ("w", {"encoding": "latin-1", "newline": ""}),
    "sync.open memory": ("wb", {"buffering": "memory"}),
    "sync.open disk": ("wb", {"buffering": "disk"}),
}


@dataclass
class Scene:
    """A thread that works, and the test that has it leave."""

    bucket: str
    local: Path
    session: aios3.sync.Session
    subject: str
    state: str
    way: str
    inside: threading.Event = field(default_factory=threading.Event)
    go: threading.Event = field(default_factory=threading.Event)

    @property
    def data(self) -> bytes:
        if self.state == table.NOTHING:
            return SMALL
        return LARGE[: 6 * MIB] if self.subject == "sync.open pipe" else LARGE  # a pipe waits for the part before

    @property
    def stays(self) -> bool:
        """Whether the subject is in the block of a file when it is left."""
        writer = self.subject.rpartition(" ")[2]
        return self.subject in table.BLOCKING_WRITERS and table.in_block(writer, self.state)


def opening(scene: Scene):
    if scene.subject == "sync.Storage.open":
        return aios3.sync.Storage(scene.bucket, session=scene.session).open("target", "wb")
    mode, options = OPTIONS[scene.subject]
    return aios3.sync.open(f"{scene.bucket}/target", mode, session=scene.session, **options)


def write(scene: Scene) -> None:
    """Write, and leave the file in the way that is asked for."""
    if scene.way == table.COLLECTED:
        forget(scene)
        return
    with opening(scene) as file:
        fill(scene, file)
        scene.inside.set()
        if scene.stays:
            assert scene.go.wait(30)
        if scene.way == table.EXCEPTION:
            raise MishapError
        if scene.way == table.ABORT:
            file.abort()


def fill(scene: Scene, file) -> None:
    file.write(scene.data.decode("latin-1") if scene.subject == "sync.open text" else scene.data)
    if scene.subject != "sync.Storage.open":
        file.flush()


def forget(scene: Scene) -> None:
    file = opening(scene)
    fill(scene, file)
    scene.inside.set()
    assert scene.go.wait(30)
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always", ResourceWarning)
        del file
        gc.collect()
    assert [warning for warning in seen if issubclass(warning.category, ResourceWarning)]


def zip_up(scene: Scene) -> None:
    with aios3.sync.create_zip(f"{scene.bucket}/target", compression="stored", session=scene.session) as archive:
        archive.write("a", scene.data)


VERBS: dict[str, Callable[[Scene], object]] = {
    "sync.write_bytes": lambda s: aios3.sync.write_bytes(f"{s.bucket}/target", s.data, session=s.session),
    "sync.upload": lambda s: aios3.sync.upload(s.local / "target", f"{s.bucket}/target", session=s.session),
    "sync.copy in parts": lambda s: aios3.sync.copy(
        f"{s.bucket}/large", f"{s.bucket}/target", multipart_threshold=5 * MIB, session=s.session
    ),
    "sync.create_zip": zip_up,
    "sync.Volume.store": lambda s: aios3.sync.Volume(s.bucket.removeprefix("s3://"), session=s.session).store(
        s.data, "target"
    ),
    "sync.move tree": lambda s: aios3.sync.move(f"{s.bucket}/tree/", f"{s.bucket}/moved/", session=s.session),
    "sync.download": lambda s: aios3.sync.download(f"{s.bucket}/tree/1", s.local / "target", session=s.session),
}


def cells() -> Iterator[tuple[str, str, str, str]]:
    for subject, states in table.BLOCKING_SUBJECTS.items():
        for transport in ("auto", "aiobotocore") if subject in {"sync.open", "sync.download"} else ("auto",):
            for state in states:
                for way in table.BLOCKING_WAYS:
                    if table.blocking_senseless(subject, state, way) is None:
                        yield transport, subject, state, way


@pytest.mark.parametrize(("transport", "subject", "state", "way"), list(cells()), indirect=["transport"])
def test_a_way_out_of_the_blocking_face(
    transport, subject, state, way, faulty, options, bucket, admin, tmp_path, temporary_directory
):
    local = tmp_path / "local"
    local.mkdir()
    session = aios3.sync.Session(**options(faulty, max_attempts=2))
    scene = Scene(bucket, local, session, subject, state, way)
    prepare(scene, admin)
    if state in table.PLACES:
        for operation in table.PLACES[state][0].split("|"):
            faulty.fail(operation, table.PLACES[state][1])
    play(scene, faulty)
    faulty.release()
    session.close()
    faulty.wait(lambda counts: counts.open_connections == 0, 10)
    assert session.budget.used == 0
    assert session.tasks.active == 0
    assert admin.uploads(bucket) == []
    assert list(temporary_directory.iterdir()) == []
    assert not open_files_below(tmp_path)
    check(scene, admin)


def prepare(scene: Scene, admin) -> None:
    admin.put(f"{scene.bucket}/target", OLD)
    (scene.local / "target").write_bytes(OLD if scene.subject == "sync.download" else scene.data)
    if scene.subject == "sync.copy in parts":
        admin.put(f"{scene.bucket}/large", LARGE)
    if scene.subject in ("sync.move tree", "sync.download"):
        admin.put(f"{scene.bucket}/tree/1", RECEIVED)


def play(scene: Scene, faulty) -> None:
    """Have a thread work, and leave by the way."""
    work = write if scene.subject in table.BLOCKING_WRITERS else VERBS[scene.subject]
    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(work, scene)
        try:
            if scene.state in table.PLACES:
                faulty.wait(lambda counts: counts.stalled >= 1)
            if scene.stays:
                assert scene.inside.wait(30)
            closing = threading.Thread(target=scene.session.close)
            if scene.way == table.CLOSED:
                closing.start()
                if scene.state == table.CREATING:
                    faulty.release()  # without its response nobody knows what to abort
                closing.join()
        finally:
            scene.go.set()
            faulty.release()
        expected = {table.EXCEPTION: MishapError, table.CLOSED: aios3.ClosedHandleError}.get(scene.way)
        if scene.state in (table.COMPLETED, table.DELETED):  # the response may still come before the request is stopped
            with contextlib.suppress(aios3.ClosedHandleError):
                done.result(30)
        elif expected is None:
            done.result(30)
        else:
            with pytest.raises(expected):
                done.result(30)


def check(scene: Scene, admin) -> None:
    """Compare what is stored with the table."""
    new = table.stored_after(scene.state) == "new"
    if scene.subject == "sync.move tree":
        assert admin.keys(scene.bucket) == ["moved/1", "target"]
    elif scene.subject == "sync.open append":
        assert admin.get(f"{scene.bucket}/target") == (OLD + scene.data if new else OLD)
    elif scene.subject != "sync.download":
        assert admin.get(f"{scene.bucket}/target") == (scene.data if new else OLD)
    if scene.subject == "sync.download":
        assert [(each.name, each.read_bytes()) for each in scene.local.iterdir()] == [("target", OLD)]
