from __future__ import annotations

import json
import logging
import re
from pathlib import Path

import pytest
from documents import blocks_of, run_page

import aios3
import aios3.cli
import aios3.compat.flowserv
import aios3.compat.keg_storage
import aios3.compat.megfile
import aios3.compat.messageflux
import aios3.distributed
import aios3.errors
import aios3.fsspec
import aios3.obspec
import aios3.otel
import aios3.progress
import aios3.sync
import aios3.testing
import aios3.zarr
from aios3.sync import _loop_thread
from aios3.testing import LocalServer
from servers.capabilities import CAPABILITIES, LACKS

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "SECURITY.md", *sorted((ROOT / "docs").rglob("*.md"))]
RUN_ELSEWHERE = {ROOT / "docs" / "guide" / "tools.md"}
"""Pages of programs with many libraries: tests/ecosystem runs each of them as a process, where its library is."""
RESULTS = ROOT / "benchmarks" / "results"
LISTING = [f"logs/2024-0{month}/{day:02}.{suffix}" for month in (1, 2) for day in (1, 2) for suffix in ("json", "txt")]


CAPABILITY_OF_ROW = {
    "keeps every key as it is": "any_key",
    "holds both `a` and `a/b`": "key_below_key",
    "rejects a read of a replaced object": "read_if_match",
    "of several that create at once one wins, small objects": "create_once",
    "of several that create at once one wins, large objects": "complete_once",
    "replaces only a known version, small objects": "put_if_match",
    "replaces only a known version, large objects": "complete_if_match",
    "copies a range inside the server": "part_copy",
    "keeps tags": "tags",
    "keeps versions": "versions",
    "keeps lifecycle rules of a bucket": "lifecycle",
    "keeps CORS rules of a bucket": "cors",
    "keeps policies of a bucket": "policy",
}


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


@pytest.fixture
def own_bridge(monkeypatch):
    """A background loop for the test alone: the default session of the process's has another test's settings."""
    monkeypatch.setattr(_loop_thread._process, "loop_thread", None)
    yield
    _loop_thread.get_loop_thread().stop()


@pytest.fixture
def prepared(monkeypatch, own_bridge):
    """What every page may count on: a bucket with a few objects, found through the environment."""
    with LocalServer() as running:
        credentials = running.config["credentials"]
        monkeypatch.setenv("AWS_ENDPOINT_URL", running.endpoint_url)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", credentials.access_key)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", credentials.secret_key)
        monkeypatch.setenv("AWS_REGION", "us-east-1")
        with aios3.sync.Session(**running.config) as session:
            aios3.sync.write_bytes(running.url("data.bin"), bytes(range(256)) * 4096, session=session)
            aios3.sync.write_text(running.url("notes.txt"), "one\ntwo\nthree\n", session=session)
            for number, key in enumerate(LISTING):
                aios3.sync.write_text(running.url(key), json.dumps({"number": number}) + "\n", session=session)
        yield running
    logging.getLogger("aios3").setLevel(logging.NOTSET)
    logging.getLogger("aios3.request").handlers.clear()


OTHER_NAMES = {"aios3.request", "aios3.transport", "aios3.session", "aios3.client", "aios3.backend", "aios3.fish"}
"""Of loggers, metrics, attributes of spans and a file."""


@pytest.mark.parametrize("page", [page for page in PAGES if blocks_of(page) and page not in RUN_ELSEWHERE], ids=name_of)
def test_the_code_on_the_page_runs_and_prints_what_it_says(page, prepared, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for block, printed in run_page(page, {"__name__": "__main__"}):
        assert printed == block.promised, f"{page}:{block.line + 1}"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_code_that_is_not_run_says_why_and_is_python(page):
    for block in blocks_of(page):
        block.compile()
        assert block.reason is None or len(block.reason.split()) > 2


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_aios3_name_on_the_page_exists(page):
    text = page.read_text(encoding="utf-8")
    for dotted in set(re.findall(r"\baios3(?:\.[A-Za-z]\w*)+", re.sub(r"\]\([^)]*\)", "]", text))):
        found = aios3
        for name in () if ".".join(dotted.split(".")[:2]) in OTHER_NAMES else dotted.split(".")[1:]:
            assert hasattr(found, name), f"{page.name}: {dotted}"
            found = getattr(found, name)


@pytest.mark.parametrize(
    ("page", "module"),
    [("aios3", aios3), ("sync", aios3.sync), ("testing", aios3.testing)],
)
def test_the_reference_lists_every_public_name(page, module):
    text = (ROOT / "docs" / "reference" / f"{page}.md").read_text(encoding="utf-8")
    listed = set(re.findall(rf"^::: {re.escape(module.__name__)}\.(?:\w+\.)*(\w+)$", text, re.MULTILINE))
    elsewhere = set(aios3.errors.__all__) | {"SEEK_SET", "SEEK_CUR", "SEEK_END", "pytest_plugin"}
    if module is not aios3:
        elsewhere |= {name for name in aios3.__all__ if getattr(module, name, None) is getattr(aios3, name)}
    assert listed - elsewhere == set(module.__all__) - elsewhere


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_code_that_quotes_a_file_is_in_that_file(page):
    quotes = re.findall(
        r'^```python title="([^"]+)"\n(.*?)^```$', page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )
    for name, code in quotes:
        source = (ROOT / name).read_text(encoding="utf-8")
        for piece in code.split("\n\n\n"):
            assert piece in source, f"{page.name} quotes {name} wrongly:\n{piece}"


def test_every_error_is_explained_once_where_things_go_wrong():
    text = (ROOT / "docs" / "guide" / "when-things-go-wrong.md").read_text(encoding="utf-8")
    explained = re.findall(r"^\| `(\w+Error)` \|(.*)\|$", text, re.MULTILINE)
    assert sorted(name for name, _ in explained) == sorted(set(aios3.errors.__all__) - {"S3Error"})
    assert all(all(cell.strip() for cell in cells.split("|")) for _, cells in explained)


@pytest.mark.parametrize("kind", ["servers", "vendors"])
def test_the_tables_of_servers_are_what_the_suite_skips(kind):
    text = (ROOT / "docs" / "guide" / "servers.md").read_text(encoding="utf-8")
    tables = [[line for line in part.splitlines() if line.startswith("|")] for part in text.split("\n\n")]
    lines = [table for table in tables if table][["servers", "vendors"].index(kind)]
    head, _, *rows = [line.strip("| ").split(" | ") for line in lines]
    told = {row[0]: dict(zip(map(str.lower, head), row[1:], strict=True)) for row in rows}
    assert set(CAPABILITY_OF_ROW.values()) <= set(CAPABILITIES)
    names = {name.removeprefix("vendor-"): name for name in LACKS if name.startswith("vendor-") == (kind == "vendors")}
    known = {
        meaning: {shown: "no" if capability in LACKS[name] else "yes" for shown, name in names.items()}
        for meaning, capability in CAPABILITY_OF_ROW.items()
    }
    assert told == known


def test_the_readmes_commands_are_the_two():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    commands = [line for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL) for line in block.splitlines()]
    assert "pip install nox && nox -s demo" in commands
    assert "pip install nox && nox" in commands


@pytest.mark.parametrize("page", [*PAGES, ROOT / "CONTRIBUTING.md"], ids=name_of)
def test_files_that_a_page_names_exist(page):
    text = page.read_text(encoding="utf-8")
    for name in set(re.findall(r"`((?:src|tests|tools|docs|examples|benchmarks)/[\w./-]*)`", text)):
        assert (ROOT / name).exists() or "NAME" in name, name
    for name in set(re.findall(r"`((?:_[a-z]+|sync)/\w+\.py)`", text)):
        assert (ROOT / "src" / "aios3" / name).exists(), name


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_between_pages_lead_somewhere(page):
    is_measured = (RESULTS / "bench.json").exists()
    for target in re.findall(r"\]\((?!https?:|#)([^)#\s]+)", page.read_text(encoding="utf-8")):
        found = (page.parent / target).resolve()
        assert found.exists() or (found.parent == RESULTS and not is_measured), target
