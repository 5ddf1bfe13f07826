"""Everything that is checked or shown, by one command each: ``nox`` runs lint, types, tests; ``nox -l`` lists more."""

from __future__ import annotations

import atexit
import functools
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import nox
from nox.command import CommandFailed

nox.needs_version = ">=2024.4.15"
nox.options.default_venv_backend = "uv|venv"  # uv where it is installed: environments in seconds
nox.options.error_on_missing_interpreters = False  # Pythons that are not there are skipped by name

HERE = Path(__file__).parent
OWN_PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
PYTHONS = list(dict.fromkeys(("3.11", "3.12", "3.13", OWN_PYTHON)))
BETWEEN_PYTHONS = sorted(PYTHONS, key=lambda version: int(version.partition(".")[2]))[1:-1]
nox.options.sessions = ["lint", "types", f"tests-{OWN_PYTHON}"]
BIG_SERVERS = ("ceph", "swift", "ministack", "localstack")
VENDORS = ("r2", "b2", "gcs", "oss", "wasabi", "spaces", "minio")
"""Simulated, see tests/servers/vendors.py."""
VENDOR_TESTS = tuple(
    f"tests/conformance/test_{name}.py" for name in ("reading", "writing", "verbs", "rejections", "objects")
)
"""What vendors differ in: verbs on objects. All of the suite on each of them would take too long."""
NOT_AVAILABLE = 3
"""Exit status of tests/servers/run.py for a server that cannot be installed on this machine."""

RUFF = "ruff==0.17.5"
LINT = (RUFF, "import-linter==2.16")
TYPES = ("mypy==2.4.1", "pyright[nodejs]==1.1.414", "types-aiobotocore-s3", "opentelemetry-api")
TESTS = (
    "blockbuster",
    "coverage>=7.10",
    "cryptography",
    "fsspec>=2026.3",
    "hypothesis",
    "opentelemetry-sdk",
    "pytest>=8.4",
    "pytest-asyncio>=1.4",
    "pytest-timeout",
    "pytest-xdist",
    RUFF,  # tools/make_sync.py writes with it
)
TESTS_OF_OTHERS = ("dask[dataframe]", "distributed", "pandas", "pillow", "pyarrow", "s3fs", "zarr>=3.1.6")
"""Libraries that read and write through the files of aios3, s3fs, which its filesystem is compared with, and Dask."""
ECOSYSTEM = (
    "pandas", "pyarrow", "dask[dataframe]", "zarr", "xarray", "h5netcdf", "h5py", "universal_pathlib", "duckdb",
    "polars", "datasets", "obspec",
)  # fmt: skip
"""Libraries that reach S3 through fsspec, or through the store of zarr; torch has gigabytes, and is named if wanted."""
SUITES = ("s3fs", "boto3", "dask[dataframe]", "pandas", "pip", "pyarrow", "requests")
"""Projects that test s3fs, and what their tests use; pip fetches those of s3fs itself."""
EXAMPLES = ("httpx", "rich", "starlette", "uvicorn")
BENCH = ("matplotlib",)
FUZZ = "atheris>=3"
FUZZ_PYTHONS = ("3.11", "3.12", "3.13")
"""Those that atheris has wheels for."""
WORKERS = f"--numprocesses={(os.cpu_count() or 1) + 1}"
"""One more than there are processors: tests wait for servers, and for programs that they start."""
PARALLEL = (WORKERS, "--dist=loadfile", "--no-loadscope-reorder")
"""Files of tests side by side, by name: by the number of their tests, the few of half a minute would come last."""
ONE_EACH = ("--numprocesses=auto", *PARALLEL[1:])
"""As many as processors: each worker has a large server of its own, which does most of the work."""
ONE_PYTHON_IS_ENOUGH = tuple(
    f"--ignore=tests/{name}"
    for name in (
        "buckets",
        *(f"cli/test_{name}.py" for name in ("interrupted_commands", "killed_commands", "nothing_is_lost")),
        "conformance",
        "credentials",
        "examples",
        "faults",
        "objects",
        "regions",
        "security",
        "storage",
        "storing",
        "test_malformed_responses.py",
        "test_settings_differential.py",
        "trees",
        "vendors",
    )
)
"""Servers, networks, accounts, botocore and the guide's programs are the same for every interpreter."""
THE_OUTERMOST_ARE_ENOUGH = tuple(
    f"--ignore=tests/{name}" for name in ("boto", "cli", "compat", "distribution", "ecosystem", "fsspec")
)
"""What stands on the library, or starts programs: run on the oldest and the newest Python, not on those between."""
TABLES = (
    "tests/faults",
    "tests/vendors",
    *(f"tests/cli/test_{name}.py" for name in ("interrupted_commands", "killed_commands", "nothing_is_lost")),
    "tests/conformance",
    "tests/credentials/test_credentials_table.py",
    "tests/distribution/test_worker_deaths.py",
    "tests/examples",
    "tests/handles/test_cancellation.py",
    "tests/regions/test_heads.py",
    "tests/regions/test_where_a_bucket_lives.py",
    "tests/storing/test_left_open.py",
    "tests/sync/test_logging.py",
    "tests/sync/test_promises.py",
    "tests/test_malformed_responses.py",
)
"""Run without measuring, which doubles their time: they reach the same lines many times, or kill what reached them.

Conformance is measured on rclone.
"""
DOCS = ("mkdocs>=1.6,<2", "mkdocs-material", "mkdocstrings[python]", RUFF)
LOWEST = ("aiobotocore==3.9.1", "anyio==4.8.0", "httptools==0.6.4", "typing-extensions==4.12.2")
"""The lowest versions that pyproject.toml allows."""


def _expose_pyenv() -> None:
    """Put pyenv's interpreters on PATH: its ``python3.x`` stand-ins fail for versions that are not activated."""
    versions = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    for python in PYTHONS:
        program = shutil.which(f"python{python}")
        if program and subprocess.run([program, "-c", ""], capture_output=True, check=False).returncode == 0:  # noqa: S603
            continue
        for folder in sorted(versions.glob(f"{python}.*/bin"))[-1:]:
            os.environ["PATH"] = f"{folder}{os.pathsep}{os.environ['PATH']}"


_expose_pyenv()


@functools.cache
def _wheel() -> str:
    """Build the wheel, once a run of nox, from the files as they are; by uv where the Python of nox has no pip."""
    folder = tempfile.mkdtemp(prefix="aios3-wheel-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, str(HERE)]
    if importlib.util.find_spec("pip") is None:
        command = ["uv", "build", "--quiet", "--wheel", "--out-dir", folder, str(HERE)]
    subprocess.run(command, check=True)  # noqa: S603 - our own command line
    return str(next(Path(folder).glob("aios3_io-*.whl")))


def _install_wheel(session: nox.Session, *more: str, extras: str = "testing") -> None:
    """Install what users would get, and ``more``; a kept environment gets the new wheel as well."""
    session.install(f"{_wheel()}[{extras}]", *more)
    session.install("--force-reinstall", "--no-deps", _wheel())


def _measured(session: nox.Session, *arguments: str, name: str) -> None:
    """Run pytest and note which lines it reaches."""
    environment = {"COVERAGE_FILE": str(HERE / f".coverage.{name}")}
    session.run("coverage", "run", "-m", "pytest", *PARALLEL, *arguments, env=environment)


@nox.session
def lint(session: nox.Session) -> None:
    """Check style, the direction of imports, and generated files (15 s)."""
    session.install("--editable", ".", *LINT)
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")
    session.run("lint-imports")
    session.run("python", "tools/make_sync.py", "--check")
    session.run("python", "tools/make_megfile_table.py", "--check")
    session.run("python", "tools/make_fault_table.py", "--check")
    session.run("python", "tools/make_ways_out_table.py", "--check")
    session.run("python", "tools/make_credentials_table.py", "--check")
    session.run("python", "tools/make_man.py", "--check")
    session.run("python", "tools/check_prose.py", "--check")


@nox.session
def types(session: nox.Session) -> None:
    """Check the types of the code, and of what users see of it (1 min)."""
    session.install("--editable", ".[testing,zarr]", *TYPES, *EXAMPLES, "pytest>=8.4")
    session.run("mypy")
    session.run("pyright", "--verifytypes", "aios3", "--ignoreexternal", env={"PYRIGHT_PYTHON_IGNORE_WARNINGS": "1"})


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """Run the tests on moto; on nox's own Python all, and conformance on rclone (40 min); arguments go to pytest."""
    uvloop = ["uvloop"] if session.python == OWN_PYTHON else []
    _install_wheel(session, *TESTS, *TESTS_OF_OTHERS, *EXAMPLES, *uvloop, extras="testing,crt,otel,zstd")
    if session.posargs:
        session.run("pytest", *session.posargs)
        return
    if session.python != OWN_PYTHON:
        fewer = THE_OUTERMOST_ARE_ENOUGH if session.python in BETWEEN_PYTHONS else ()
        session.run("pytest", *PARALLEL, *ONE_PYTHON_IS_ENOUGH, *fewer)
        return
    for left in HERE.glob(".coverage.*"):
        left.unlink()
    parts = {
        "main": lambda: _measured(session, *(f"--ignore={table}" for table in TABLES), name=f"{session.python}-moto"),
        "tables": lambda: session.run("pytest", WORKERS, "--dist=worksteal", *TABLES),  # one file has a third of them
        "rclone": lambda: _measured(session, "tests/conformance", "--server=rclone", name=f"{session.python}-rclone"),
    }
    failed = []
    for name, run in parts.items():
        try:
            run()
        except CommandFailed:
            failed.append(name)  # what the other parts say belongs to the diagnosis
    if failed:
        session.error(f"failed: {', '.join(failed)}")
    session.notify("coverage")


@nox.session
def coverage(session: nox.Session) -> None:
    """Report the coverage of both runs together; fail below the limit in pyproject.toml (10 s after tests)."""
    session.install("coverage>=7.10")
    session.run("coverage", "combine")
    session.run("coverage", "report")


@nox.session(python=PYTHONS[0])
def tests_lowest(session: nox.Session) -> None:
    """Run the conformance suite with the lowest versions of the dependencies that are allowed (2 min)."""
    _install_wheel(session, *TESTS, *LOWEST)
    session.run("pytest", *PARALLEL, "tests/conformance", *session.posargs)


@nox.session
def conformance(session: nox.Session) -> None:
    """Run the conformance suite on larger servers (8 min, most of it Swift); arguments name some."""
    _install_wheel(session, *TESTS)
    names = [name for name in session.posargs if not name.startswith("-")] or BIG_SERVERS
    missing = [name for name in names if not _is_installed(session, name)]
    failed = []
    for name in names:
        if name in missing:
            continue
        try:
            session.run("pytest", *ONE_EACH, "tests/conformance", f"--server={name}")
        except CommandFailed:
            failed.append(name)  # what the other servers say belongs to the diagnosis
    if failed:
        session.error(f"failed on {', '.join(failed)}")
    for name in missing:
        session.warn(f"{name} was NOT tested: it cannot be installed on this machine (see above)")


@nox.session
def vendors(session: nox.Session) -> None:
    """Run the conformance suite's verbs on objects on simulated vendors (2 min); arguments name some."""
    _install_wheel(session, *TESTS)
    names = [name for name in session.posargs if not name.startswith("-")] or VENDORS
    servers = [f"--server=vendor-{name}" for name in names]
    session.run("pytest", *PARALLEL, "tests/vendors", *VENDOR_TESTS, *servers)


def _is_installed(session: nox.Session, name: str) -> bool:
    command = [str(Path(session.bin) / "python"), str(HERE / "tests/servers/run.py"), name, "--install"]
    status = subprocess.run(command, check=False).returncode  # noqa: S603 - our own command line
    if status not in {0, NOT_AVAILABLE}:
        session.error(f"the installation of {name} failed")
    return status == 0


@nox.session
def ecosystem(session: nox.Session) -> None:
    """Write and read real data with libraries over fsspec and zarr, and those that the arguments name (6 min)."""
    _install_wheel(session, *TESTS, *SUITES, extras="testing,fsspec")
    missing = [library for library in (*ECOSYSTEM, *session.posargs) if not _installs(session, library)]
    session.run("pytest", *PARALLEL, "tests/ecosystem")
    session.run("python", "tests/foreign/run.py", "quick")
    if missing:
        session.warn(f"NOT tested, because they cannot be installed here: {', '.join(missing)}")


@nox.session
def suites(session: nox.Session) -> None:
    """Run the tests of pyarrow, pandas, Dask and s3fs with aios3 in the place of s3fs (8 min); arguments name some."""
    _install_wheel(session, *TESTS, *SUITES, extras="testing,fsspec")
    session.run("python", "tests/foreign/run.py", *session.posargs)


def _installs(session: nox.Session, library: str) -> bool:
    try:
        session.install(library)
    except CommandFailed:
        return False
    return True


@nox.session
def awscli(session: nox.Session) -> None:
    """Run the same commands of aws s3 and aios3 on two buckets, and compare; the argument is the number of rounds."""
    _install_wheel(session, *TESTS)
    peer = Path(session.cache_dir) / "awscli"  # its botocore is not aiobotocore's
    session.run("python", "-m", "venv", str(peer))
    session.run(str(peer / "bin" / "python"), "-m", "pip", "install", "--quiet", "awscli", external=True)
    environment = {"AIOS3_AWSCLI": str(peer / "bin" / "aws"), "AIOS3_AWSCLI_ROUNDS": (*session.posargs, "3")[0]}
    session.run("pytest", *PARALLEL, "tests/cli/test_aws_differential.py", env=environment)


@nox.session
def thorough(session: nox.Session) -> None:
    """Try 50 times as many examples of each property (hours); arguments go to pytest."""
    _install_wheel(session, *TESTS, *TESTS_OF_OTHERS, *EXAMPLES, extras="testing,crt,otel,zstd")
    environment = {"HYPOTHESIS_PROFILE": "thorough"}
    stateful = ("tests/trees/test_stateful.py", "tests/trees/test_two_actors.py")  # run their machines themselves
    for chosen in (("-m", "hypothesis"), stateful):
        session.run("pytest", *PARALLEL, "--timeout=7200", *chosen, *session.posargs, env=environment)


@nox.session
def engines(session: nox.Session) -> None:
    """Run distributed jobs on Dask and on Ray, which is too large for every run; arguments go to pytest."""
    _install_wheel(session, *TESTS, *TESTS_OF_OTHERS, "ray[data]", extras="testing,crt,fsspec")
    session.run("pytest", "tests/distribution/test_dask.py", "tests/distribution/test_ray.py", *session.posargs)


@nox.session
def soak(session: nox.Session) -> None:
    """Run mixed verbs through random faults for longer; arguments go to tests/faults/soak.py."""
    _install_wheel(session)
    session.run("python", "tests/faults/soak.py", *session.posargs)


@nox.session(python=[python for python in PYTHONS if python in FUZZ_PYTHONS][:1])
def fuzz(session: nox.Session) -> None:
    """Fuzz what reads a server's bytes: each target for a minute (3 min), or for the seconds that the argument says."""
    _install_wheel(session, FUZZ)
    seconds = int(session.posargs[0]) if session.posargs else 60
    corpus = Path(session.cache_dir) / "fuzz-corpus"
    session.run("python", "fuzz/seeds.py", str(corpus))
    for target in ("heads", "chunks", "documents"):
        limits = (f"-max_total_time={seconds}", "-rss_limit_mb=1024", "-timeout=10", f"-artifact_prefix={corpus}/")
        session.run("python", "fuzz/fuzz.py", target, str(corpus / target), *limits)


@nox.session(python=PYTHONS)
def stdlib(session: nox.Session) -> None:
    """Run CPython's own tests with open led to S3 (15 min a Python); arguments go to tests/stdlib/run.py."""
    _install_wheel(session)
    ways = () if "--way" in session.posargs else ("--way=default", "--way=disk")
    session.run("python", "tests/stdlib/run.py", *ways, *session.posargs)


@nox.session
def docs(session: nox.Session) -> None:
    """Build the documentation; what does not resolve is an error (1 min)."""
    session.install("--editable", ".[testing]", *DOCS)
    session.run("mkdocs", "build", "--strict", *session.posargs)


@nox.session
def bench(session: nox.Session) -> None:
    """Measure aios3 beside other libraries, in turn; arguments go to benchmarks/run.py."""
    _install_wheel(session, *BENCH, extras="crt,fsspec")
    peers = Path(session.cache_dir) / "bench-peers"
    python = str(peers / "bin" / "python")
    session.run("python", "-m", "venv", str(peers))
    session.run(python, "-m", "pip", "install", "--quiet", "-r", "benchmarks/peers.txt", external=True)
    session.run("python", "benchmarks/run.py", "--peers-python", python, *session.posargs)


@nox.session
def demo(session: nox.Session) -> None:
    """Copy a folder (of the arguments, or Python's library) to an embedded server and back, and compare."""
    _install_wheel(session, "rich")
    session.run("python", "examples/quickstart.py", *session.posargs)
