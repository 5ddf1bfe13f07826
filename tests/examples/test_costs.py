"""The guide's table of what each call costs is true: the requests are counted where they arrive."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import aios3
from aios3.testing import LocalServer
from aios3.testing._moto import _AccountApp

PAGE = Path(__file__).parents[2] / "docs" / "guide" / "listing.md"
TO_ANOTHER = {"copy", "move", "rename", "symlink"}
KINDS = ("object", "directory", "nothing")
ROW = re.compile(r"^\| (?P<calls>`.+`) \| (?P<cells>.+) \|$", re.MULTILINE)


def rows() -> list[tuple[str, dict[str, str]]]:
    text = PAGE.read_text(encoding="utf-8").partition("## What it costs")[2]
    return [
        (call, dict(zip(KINDS, row["cells"].split(" | "), strict=True)))
        for row in ROW.finditer(text)
        for call in re.findall(r"`([^`]+)`", row["calls"])
    ]


def kind_of(environ: dict[str, str]) -> str:
    method, query = environ["REQUEST_METHOD"], environ["QUERY_STRING"]
    if "list-type=2" in query:
        return "LIST"
    if method == "POST" and query.startswith("delete"):
        return "BULK"
    if method == "POST":
        return "BEGIN" if "uploadId" not in query else "COMPLETE"
    if "uploadId" in query:
        return "ABORT" if method == "DELETE" else "PART"
    return method


@pytest.fixture
def requests(monkeypatch) -> list[str]:
    """What arrived, in order."""
    seen: list[str] = []
    whole_call = _AccountApp.__call__

    def counting_call(app, environ, start_response):
        seen.append(kind_of(environ))
        return whole_call(app, environ, start_response)

    monkeypatch.setattr(_AccountApp, "__call__", counting_call)
    return seen


async def run(call: str, path: str, session: aios3.Session) -> None:
    """Make one call of the table, to its end."""
    name, _, arguments = call.partition("(")
    pattern = {"glob": "{path}*", "glob_stat": "{path}*"}.get(name, "{path}").format(path=path)
    given = {"mode": aios3.Access.WRITE} if "WRITE" in arguments else {}
    extra = (b"data",) if name == "write_bytes" else ("s3://bucket/target",) if name in TO_ANOTHER else ()
    started = getattr(aios3, name)(pattern, *extra, **given, session=session)
    try:
        if hasattr(started, "__aiter__"):
            async for _ in started:
                pass
        else:
            result = await started
            if name == "aopen":
                await result.aclose()
    except (FileNotFoundError, FileExistsError, IsADirectoryError, NotADirectoryError, aios3.NotALinkError):
        pass  # a response like any other: the requests count


async def cost(call: str, kind: str, server: LocalServer, session: aios3.Session, requests: list[str]) -> str:
    server.reset()
    await aios3.write_bytes("s3://bucket/object", b"data", session=session)
    await aios3.write_bytes("s3://bucket/directory/inside", b"data", session=session)
    requests.clear()
    await run(call, f"s3://bucket/{kind}", session)
    return " + ".join(requests)


@pytest.mark.parametrize(("call", "costs"), rows(), ids=lambda value: value if isinstance(value, str) else "")
async def test_the_table_is_true(call, costs, requests):
    async with LocalServer() as server, aios3.Session(**server.config) as session:
        assert {kind: await cost(call, kind, server, session, requests) for kind in KINDS} == costs


def test_the_table_was_found():
    assert len(rows()) > 10
