"""CPython's own tests with ``open`` led to S3, each difference explained: ``run.py [SUITE ...] [--way WAY]``.

Every suite runs twice, on local files and on S3 (an embedded server). A test whose outcome differs must be in
``differences.py`` with its reason, and one that is there must differ.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import subprocess
import sys
import tempfile
from fnmatch import fnmatch
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

from differences import DIFFERENCES, LEFT_OUT, ONLY_ON_DISK, QUICK, SUITES  # noqa: E402 - it is beside this file

from aios3.testing import LocalServer  # noqa: E402

OPENED = "opened"
"""The line of the outcomes that says how many files were led."""
SECONDS = 600
"""How long one suite may take."""


def outcomes_of(suite: str, way: str, environment: dict[str, str]) -> dict[str, tuple[str, str | int | None]]:
    """Run a suite, and return how each of its tests has ended: the worst of its parts."""
    with tempfile.TemporaryDirectory(prefix="aios3-stdlib-") as place:
        lines = Path(place) / "outcomes"
        lines.touch()
        work = Path(place) / "work"
        work.mkdir()
        command = [sys.executable, str(HERE / "led.py"), suite, str(lines), way]
        settings = {**os.environ, **environment, "TMPDIR": str(work), "PYTHONDONTWRITEBYTECODE": "1"}
        if "PYTHONPATH" in settings:  # the suite has another working directory
            settings["PYTHONPATH"] = os.pathsep.join(map(os.path.abspath, settings["PYTHONPATH"].split(os.pathsep)))
        process = subprocess.Popen(command, cwd=work, env=settings, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        try:
            said, _ = process.communicate(timeout=SECONDS)
            end = (
                f"ended with {process.returncode}: {said[-2000:].decode(errors='replace')}"
                if process.returncode
                else ""
            )
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            end = f"took more than {SECONDS} s"
        found = _worst(lines.read_text())
    running = [name for name, (outcome, _) in found.items() if outcome == "started"]
    if end or not found:
        found[running[-1] if running else f"test.{suite}"] = ("failed", f"the suite {end or 'has no tests'}")
    return {name: outcome for name, outcome in found.items() if outcome[0] != "started"}


def _worst(lines: str) -> dict[str, tuple[str, str | int | None]]:
    order = ["started", "passed", "skipped", "failed"]
    found: dict[str, tuple[str, str | int | None]] = {}
    for line in lines.splitlines():
        name, outcome, error = json.loads(line)
        if order.index(outcome) > order.index(found.get(name, ("started", None))[0]) or name not in found:
            found[name] = (outcome, error)
    return found


def check(suite: str, way: str, environment: dict[str, str]) -> list[str]:
    """Return what is not as it is written down."""
    local = outcomes_of(suite, "local", environment)
    led = outcomes_of(suite, way, environment)
    local.pop(OPENED, None)
    _, opened = led.pop(OPENED, (None, 0))
    differing = {
        name: error
        for name, (outcome, error) in led.items()
        if outcome == "failed" and local.get(name, ("passed", None))[0] != "failed"
    }
    missing = [name for name in local if name not in led]
    explained = [entry for entry in DIFFERENCES if entry.suite == suite and entry.holds(way)]
    wrong = [
        f"{name} differs: {error}"
        for name, error in sorted(differing.items())
        if not any(fnmatch(name, f"test.{suite}.{entry.test}") for entry in explained)
    ]
    wrong += [
        f"test.{suite}.{entry.test} does not differ any more ({entry.reason})"
        for entry in explained
        if not any(fnmatch(name, f"test.{suite}.{entry.test}") for name in differing)
    ]
    wrong += [f"{name} did not run" for name in missing]
    if not opened:
        wrong.append(f"test.{suite} has opened no file in S3")
    counts = f"{len(led)} tests, {opened} files in S3, {len(differing)} tests differ, {len(wrong)} unexplained"
    print("\n    ".join([f"{suite} ({way}): {counts}", *wrong]), flush=True)
    return wrong


def main() -> int:
    """Run what the arguments name, all by default."""
    parser = argparse.ArgumentParser()
    parser.add_argument("suites", nargs="*")
    parser.add_argument("--way", action="append", choices=("default", "memory", "disk"))
    parser.add_argument("--quick", action="store_true", help="a few suites, in about a minute")
    options = parser.parse_args()
    suites = options.suites or (QUICK if options.quick else SUITES)
    with LocalServer() as server:
        config = server.config
        environment = {
            "AWS_ENDPOINT_URL": config["endpoint_url"],
            "AWS_REGION": config["region"],
            "AWS_ACCESS_KEY_ID": config["credentials"].access_key,
            "AWS_SECRET_ACCESS_KEY": config["credentials"].secret_key,
            "STDLIB_BUCKET": "bucket",
            "STDLIB_SKIPPED": " ".join(LEFT_OUT),
        }
        logging.getLogger("werkzeug").setLevel(logging.CRITICAL)  # the server's own troubles show in the tests
        wrong = []
        for way in options.way or ["default"]:
            for suite in suites:
                if suite in ONLY_ON_DISK and way != "disk":
                    continue
                server.reset()
                wrong += check(suite, way, environment)
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
