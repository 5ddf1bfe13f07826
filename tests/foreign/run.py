"""Run the tests of s3fs's users, and s3fs's own, with aios3 in its place: ``run.py [SUITE ...] [-- PYTEST ARGUMENTS]``.

The suites are those of the installed packages; s3fs's own come with its source archive, of the same version. A test
that fails must be in ``differences.py`` with its reason, and one that is there must fail.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import re
import shutil
import socket
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
QUICK = ("pyarrow", "pandas", "dask")
_SETTINGS = "[pytest]\nasyncio_mode = strict\nasyncio_default_fixture_loop_scope = function\n"
_PANDAS = (
    "json/test_compression.py", "json/test_pandas.py", "parser/test_network.py", "test_fsspec.py", "test_parquet.py",
    "test_s3.py", "xml/test_to_xml.py", "xml/test_xml.py",
)  # fmt: skip
"""The files of pandas' tests that use S3."""
_UNDERSCORE = re.compile(r"\b(test[123]?|test_makedirs|maybe)_(bucket|versioned)\b(?=[\"'/])")
"""Names of buckets in s3fs's tests that S3 does not allow."""


def main(arguments: list[str]) -> int:
    """Run the suites that ``arguments`` name, by default all, or ``quick`` ones; return the worst exit status."""
    end = arguments.index("--") if "--" in arguments else len(arguments)
    named = arguments[:end] or list(SUITES)
    names = [name for each in named for name in (QUICK if each == "quick" else (each,))]
    if unknown := set(names) - set(SUITES):
        sys.exit(f"Unknown suites {', '.join(sorted(unknown))}; there are quick, {', '.join(SUITES)}")
    return max(_run(name, arguments[end + 1 :]) for name in names)


def _run(name: str, arguments: list[str]) -> int:
    with tempfile.TemporaryDirectory(prefix="aios3-foreign-") as place:
        folder = Path(place)
        port = _free_port()
        files = SUITES[name](folder, port)
        (folder / "pytest.ini").write_text(_SETTINGS)
        command = [
            sys.executable, "-m", "pytest", "-p", "as_s3fs", "-p", "no:aios3", "-p", "no:cacheprovider", "-q", "-rfE",
            f"--basetemp={folder / 'tmp'}", f"--rootdir={folder}", "-c", str(folder / "pytest.ini"), *files, *arguments,
        ]  # fmt: skip
        print(f"{name}: {len(files)} files", flush=True)
        return subprocess.run(command, cwd=folder, env=_environment(name, folder, port), check=False).returncode


def _environment(name: str, folder: Path, port: int) -> dict[str, str]:
    """Return an environment without this machine's credentials and proxies, and with those that the suites expect."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    kept = {name: value for name, value in kept.items() if not name.lower().endswith("_proxy")}
    paths = [str(folder), str(HERE), *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    return {
        **kept,
        "PYTHONPATH": os.pathsep.join(map(os.path.abspath, paths)),
        "PYTHONDONTWRITEBYTECODE": "1",
        "AWS_ACCESS_KEY_ID": "foo",
        "AWS_SECRET_ACCESS_KEY": "foo",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AIOS3_FOREIGN_PORT": str(port),
        "AIOS3_FOREIGN_SUITE": name,
        **{f"PYARROW_TEST_{group}": "ON" for group in ("S3", "PARQUET", "DATASET", "PANDAS")},
    }


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _tests_of(package: str) -> Path:
    spec = importlib.util.find_spec(package)
    assert spec is not None
    assert spec.submodule_search_locations is not None
    return Path(spec.submodule_search_locations[0])


def _pyarrow(_folder: Path, _port: int) -> list[str]:
    tests = _tests_of("pyarrow") / "tests"
    return [str(tests / name) for name in ("test_fs.py", "test_dataset.py", "parquet")]


def _pandas(_folder: Path, _port: int) -> list[str]:
    return [str(_tests_of("pandas") / "tests" / "io" / name) for name in _PANDAS]


def _dask(folder: Path, port: int) -> list[str]:
    source = _tests_of("dask") / "bytes" / "tests" / "test_s3.py"
    target = folder / "dask" / "test_dask_s3.py"
    target.parent.mkdir()
    target.write_text(source.read_text().replace("5555", str(port)))
    return [str(target)]


def _s3fs(folder: Path, port: int) -> list[str]:
    version = importlib.metadata.version("s3fs")
    options = ["--quiet", "--no-deps", "--no-binary", ":all:", "--dest", str(folder / "sdist")]
    subprocess.run([sys.executable, "-m", "pip", "download", f"s3fs=={version}", *options], check=True)
    [archive] = (folder / "sdist").glob("s3fs-*.tar.gz")
    with tarfile.open(archive) as packed:
        packed.extractall(folder / "sdist", filter="data")
    shutil.move(folder / "sdist" / f"s3fs-{version}" / "s3fs", folder / "s3fs")
    for path in (folder / "s3fs" / "tests").rglob("*.py"):
        text = re.sub(r"\bport = 555[56]", f"port = {port}", path.read_text())
        path.write_text(_UNDERSCORE.sub(lambda name: name[0].replace("_", "-"), text))
    return [str(folder / "s3fs" / "tests")]


SUITES = {"pyarrow": _pyarrow, "pandas": _pandas, "dask": _dask, "s3fs": _s3fs}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
