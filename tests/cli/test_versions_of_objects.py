"""Commands that read one version of an object: its bytes and its description, or one line that says what is wrong."""

from __future__ import annotations

import json
import os

import pytest
from cli_program import run_program
from writing_state import FILES

import aios3.sync as s3

CONTENTS = {"small": b"an old version", "empty": b"", "large": os.urandom(6 << 20)}
"""What the old version has; a large one is received in several ranges."""


@pytest.fixture(params=["replaced", "deleted"])
def old(request, state):
    """Return the id of an old version, by its content; the key has another one, or none."""
    bucket = s3.Bucket(state.bucket, session=state.session)
    bucket.set_versioning(True)
    ids = {}
    for key, data in CONTENTS.items():
        state.put(f"v/{key}", data)
        ids[key] = s3.stat(f"{state.bucket}/v/{key}", session=state.session).version_id
        state.put(f"v/{key}", b"newest")
        if request.param == "deleted":
            s3.unlink(f"{state.bucket}/v/{key}", session=state.session)
    return ids


@pytest.mark.parametrize("content", CONTENTS)
def test_one_version_is_read(state, old, content):
    path, version = f"{{b}}/v/{content}", f"--version-id {old[content]}"
    options = f"{version} --concurrency 2"
    for line in (f"cat {options} {path}", f"cp {options} {path} -"):
        done = state.run(line)
        assert (done.returncode, done.stderr) == (0, b"")
        assert done.stdout == CONTENTS[content]
    for target, name in (("got", "got"), ("t/", f"t/{content}")):
        done = state.run(f"cp {options} {path} {target}")
        assert (done.returncode, done.stderr) == (0, b"")
        assert done.stdout.decode() == f"cp {version} {path.format(b=state.bucket)} {name}\n"
        assert state.files()[name] == CONTENTS[content]
    record = json.loads(state.run(f"stat --json {version} {path}").stdout)
    assert (record["size"], record["version_id"]) == (len(CONTENTS[content]), old[content])


@pytest.mark.parametrize("content", CONTENTS)
def test_the_line_of_a_dry_run_copies_the_version(state, old, content):
    plan = state.run(f"cp --dry-run --version-id {old[content]} {{b}}/v/{content} got")
    assert (plan.returncode, state.files()) == (0, FILES)
    assert run_program(state.environ, "run", stdin=plan.stdout, cwd=state.here).returncode == 0
    assert state.files()["got"] == CONTENTS[content]


@pytest.mark.parametrize(
    ("line", "status", "message"),
    [
        ("cp --version-id 1 {b}/a.txt {b}/n", 2, "--version-id copies to a file"),
        ("cp --version-id 1 -r {b}/d n", 2, "--version-id is of one object"),
        ("cp --version-id 1 {b}/* n/", 2, "--version-id is of one object"),
        ("cp --version-id 1 {b}/a.txt {b}/d/b n/", 2, "--version-id is of one object"),
        ("cp --version-id 1 {b}/a.txt {b}/d/b -", 2, "--version-id is of one object"),
        ("cp --version-id 1 f.txt {b}/n", 2, "--version-id is of one object"),
        ("mv --version-id 1 {b}/a.txt n", 2, "cat, cp and stat take it"),
        ("stat --version-id 1 {b}/d/", 1, "{b}/d/"),
        ("stat --version-id never {b}/a.txt", 1, "{b}/a.txt"),
        ("cp --version-id never {b}/a.txt n", 1, "{b}/a.txt"),
        ("cp --version-id never {b}/a.txt f.txt", 1, "{b}/a.txt"),
        ("cat --version-id never {b}/a.txt", 1, "{b}/a.txt"),
    ],
)
def test_what_names_no_version_is_one_line(state, line, status, message):
    done = state.run(line)
    text = done.stderr.decode()
    assert (done.returncode, done.stdout, text.count("\n")) == (status, b"", 1)
    assert message.replace("{b}", state.bucket) in text
    assert state.files() == FILES
