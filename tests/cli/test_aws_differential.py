"""``aios3`` beside ``aws s3``: the same commands on two buckets leave the same keys, bytes and content types.

Run by ``nox -s awscli``: ``AIOS3_AWSCLI`` names the program ``aws``, which cannot be installed beside aiobotocore.

Known differences, with their reasons, which the commands below leave out:

- ``*`` of filters with a ``/``: it spans directories in ``aws s3``, and ends at ``/`` here as in ``glob``.
- The last filter that matches decides in ``aws s3``; here a file must match an ``--include`` and no ``--exclude``, but
  for ``--exclude '*'``.
- ``.tar.gz`` is ``application/x-tar`` there and ``application/gzip`` here, which is what the bytes are.
- ``aws s3 sync --delete`` of a prefix with nothing below deletes all of the target; here it is an error.
- ``aws s3 sync`` from S3 leaves a local file of the same size alone even if the object is newer.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
from dataclasses import dataclass

import pytest
from cli_program import environ_of, run_program

import aios3.sync as s3
from aios3.testing import LocalServer

AWS = os.environ.get("AIOS3_AWSCLI")
ROUNDS = int(os.environ.get("AIOS3_AWSCLI_ROUNDS", "3"))
NAMES = ["a", "b.txt", "c d.html", "ä+%.json", "e=f&g.png", "index", "x.pdf", "~tilde", "#hash.css", "quote'.js"]
DIRECTORIES = ["", "sub/", "sub/deep/", "space dir/", "ünï/", "tmp/"]

pytestmark = [
    pytest.mark.skipif(AWS is None, reason="nox -s awscli runs it"),
    pytest.mark.timeout(600),
]

STEPS = [
    ("cp -r tree s3://{bucket}/tree/", "cp --recursive tree s3://{bucket}/tree"),
    ("cp --exclude tmp/** -r tree s3://{bucket}/no-tmp/", "cp --recursive tree s3://{bucket}/no-tmp --exclude tmp/*"),
    (
        "cp --exclude * --include *.txt -r tree s3://{bucket}/t/",
        "cp --recursive tree s3://{bucket}/t --exclude * --include *.txt",
    ),
    ("cp --content-type text/x-own one s3://{bucket}/typed", "cp --content-type text/x-own one s3://{bucket}/typed"),
    ("cp one s3://{bucket}/into/", "cp one s3://{bucket}/into/"),
    ("cp s3://{bucket}/typed s3://{bucket}/copied", "cp s3://{bucket}/typed s3://{bucket}/copied"),
    ("change", "change"),
    ("sync tree s3://{bucket}/tree", "sync tree s3://{bucket}/tree"),
    ("change", "change"),
    ("sync --delete tree s3://{bucket}/tree/", "sync --delete tree s3://{bucket}/tree/"),
    ("change", "change"),
    ("sync --size-only tree s3://{bucket}/tree/", "sync --size-only tree s3://{bucket}/tree/"),
    ("sync --dryrun --delete tree s3://{bucket}/no-tmp/", "sync --dryrun --delete tree s3://{bucket}/no-tmp/"),
    ("cp -r s3://{bucket}/tree/ s3://{bucket}/second/", "cp --recursive s3://{bucket}/tree/ s3://{bucket}/second/"),
    ("sync --delete s3://{bucket}/t/ s3://{bucket}/second", "sync --delete s3://{bucket}/t/ s3://{bucket}/second"),
    ("mv s3://{bucket}/typed s3://{bucket}/moved", "mv s3://{bucket}/typed s3://{bucket}/moved"),
    ("mv -r s3://{bucket}/no-tmp/ s3://{bucket}/m/", "mv --recursive s3://{bucket}/no-tmp/ s3://{bucket}/m/"),
    ("cp -r s3://{bucket}/tree/ {bucket}-down", "cp --recursive s3://{bucket}/tree/ {bucket}-down"),
    (
        "sync --size-only --delete s3://{bucket}/m/ {bucket}-down",
        "sync --size-only --delete s3://{bucket}/m/ {bucket}-down",
    ),
    ("rm s3://{bucket}/moved", "rm s3://{bucket}/moved"),
    ("rm -r s3://{bucket}/m/ --include **/*.txt", "rm --recursive s3://{bucket}/m/ --exclude * --include *.txt"),
    ("mv -r s3://{bucket}/tree/ {bucket}-down/moved/", "mv --recursive s3://{bucket}/tree/ {bucket}-down/moved/"),
    ("rm -r s3://{bucket}/second/", "rm --recursive s3://{bucket}/second/"),
]
"""Commands of ``aios3`` and ``aws s3`` that must do the same; ``change`` changes the local tree."""


@dataclass
class Scene:
    """Two buckets, one for each program, and the directory that both run in."""

    session: s3.Session
    environ: dict[str, str]
    directory: object
    random: random.Random

    def change(self):
        """Add, grow, and remove files; others get a later time and other bytes of the same size."""
        for directory in DIRECTORIES:
            for name in NAMES:
                path = self.directory / "tree" / directory / name
                chance = self.random.random()
                if chance < 0.2:
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_bytes(self.random.randbytes(self.random.choice([0, 1, 100, 5000])))
                elif chance < 0.3 and path.exists():
                    path.unlink()
                elif chance < 0.4 and path.exists():
                    path.write_bytes(self.random.randbytes(path.stat().st_size))
                    os.utime(path, (2_000_000_000, 2_000_000_000))

    def ours(self, *arguments):
        return run_program(self.environ, *arguments, cwd=self.directory)

    def aws(self, *arguments):
        return subprocess.run(
            [AWS, "s3", *arguments], env=self.environ, cwd=self.directory, capture_output=True, check=False
        )

    def objects(self, bucket):
        """Return bytes and content type of each key."""
        paths = list(s3.scan(f"s3://{bucket}/", session=self.session))
        return {
            path.removeprefix(f"s3://{bucket}/"): (
                s3.read_bytes(path, session=self.session),
                s3.stat(path, session=self.session).content_type,
            )
            for path in paths
        }

    def files(self, bucket):
        root = self.directory / f"{bucket}-down"
        return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


@pytest.fixture
def scene(tmp_path, request):
    with LocalServer(("aws", "ours")) as server, s3.Session(**server.config) as session:
        made = Scene(session, environ_of(server), tmp_path, random.Random(request.node.callspec.params["seed"]))
        (tmp_path / "one").write_bytes(b"one")
        (tmp_path / "tree" / "tmp").mkdir(parents=True)
        (tmp_path / "tree" / "keep.txt").write_bytes(b"kept")
        (tmp_path / "tree" / "tmp" / "keep.txt").write_bytes(b"kept, too")
        made.change()
        yield made


@pytest.mark.parametrize("seed", range(ROUNDS))
def test_the_same_commands_leave_the_same_objects_and_files(scene, seed):
    for ours, aws in STEPS:
        if ours == "change":
            scene.change()
            continue
        done = scene.ours(*ours.format(bucket="ours").split())
        expected = scene.aws(*aws.format(bucket="aws").split())
        assert (done.returncode, done.stderr) == (expected.returncode, b""), (ours, expected.stderr)
        assert scene.objects("ours") == scene.objects("aws"), ours
        assert scene.files("ours") == scene.files("aws"), ours
    assert scene.objects("ours")
    assert scene.files("ours")


@pytest.mark.parametrize("seed", range(ROUNDS))
def test_the_same_objects_are_listed_in_the_same_order(scene, seed):
    scene.ours("cp", "-r", "tree", "s3://ours/tree/")
    deep = [
        line.split(maxsplit=3)[2:] for line in scene.aws("ls", "--recursive", "s3://ours").stdout.decode().splitlines()
    ]
    found = [json.loads(line) for line in scene.ours("ls", "-r", "--json", "s3://ours").stdout.splitlines()]
    assert [[str(each["size"]), each["path"].removeprefix("s3://ours/")] for each in found] == deep
    flat = scene.aws("ls", "s3://ours/tree/").stdout.decode().splitlines()
    names = [line.split("PRE ")[1] if " PRE " in line else line.split(maxsplit=3)[3] for line in flat]
    assert sorted(scene.ours("ls", "s3://ours/tree/").stdout.decode().splitlines()) == sorted(names)
    (total,) = (json.loads(line) for line in scene.ours("du", "--json", "s3://ours/tree/").stdout.splitlines())
    summary = scene.aws("ls", "--recursive", "--summarize", "s3://ours/tree/").stdout.decode().split()
    assert [str(total["objects"]), str(total["bytes"])] == [summary[-4], summary[-1]]


@pytest.mark.parametrize("seed", [0])
@pytest.mark.parametrize(
    ("ours", "aws"),
    [
        ("cp none s3://{bucket}/x", "cp none s3://{bucket}/x"),
        ("cp s3://{bucket}/none here", "cp s3://{bucket}/none here"),
        ("cp s3://none-such/key here", "cp s3://none-such/key here"),
        ("ls s3://none-such/", "ls s3://none-such/"),
        ("ls s3://{bucket}/none/", "ls s3://{bucket}/none/"),
        ("mv s3://{bucket}/none s3://{bucket}/x", "mv s3://{bucket}/none s3://{bucket}/x"),
        ("sync none s3://{bucket}/", "sync none s3://{bucket}/"),
        ("rb s3://none-such", "rb s3://none-such"),
    ],
)
def test_what_fails_there_fails_here_and_leaves_the_same(scene, seed, ours, aws):
    assert scene.aws(*aws.format(bucket="aws").split()).returncode != 0
    done = scene.ours(*ours.format(bucket="ours").split())
    assert done.returncode == 1
    assert done.stderr.count(b"\n") == 1
    assert scene.objects("ours") == scene.objects("aws") == {}
    assert not (scene.directory / "here").exists()
