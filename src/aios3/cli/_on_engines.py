"""Commands on processes, Dask or Ray: the job of each, its ranges, and what is printed of their reports."""

from __future__ import annotations

import argparse
import asyncio
import concurrent.futures
import contextlib
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING

import aios3
from aios3 import S3Url
from aios3._namespace.link_targets import head_or_none
from aios3._threads import in_thread, made_in_thread
from aios3._trees.uploading import require_something
from aios3.cli._app import UsageError
from aios3.cli._bar import open_bar_of
from aios3.cli._commands import COMMANDS
from aios3.cli._engines import Connected
from aios3.cli._names import STANDARD_STREAM, globs_of, is_pattern, require_s3
from aios3.cli._parsing import first_parser, parser_of
from aios3.cli._units import format_seconds, format_size
from aios3.distributed import Checksum, Copy, Measure, Remove, Sync, run, split
from aios3.distributed.reports import report_to_json
from aios3.distributed.request_shares import limited
from aios3.errors import ChecksumMismatchError, ObjectNotFoundError, S3Error

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from aios3.cli._app import App
    from aios3.cli._bar import Bar
    from aios3.distributed import Counts, Failure, Job, KeyRange, Report, Run

_CONNECTION = (
    *("endpoint_url", "profile", "region", "no_sign_request", "no_verify_ssl", "ca_bundle", "request_payer"),
    *("concurrency", "part_size"),
)
_OF_EVERY_COMMAND = {
    *_CONNECTION, "json", "quiet", "no_progress", "debug", "raw", "on", "report", "range_keys",
    "limit_requests", "without_effect",
}  # fmt: skip
_OF_COMMAND = {
    "cp": {"recursive", "no_clobber", "include", "exclude"},
    "sync": {"delete", "checksum", "include", "exclude"},
    "rm": {"recursive", "force"},
    "cmp": {"checksum"},
    "du": {"bytes"},
}
"""Options that the jobs know, by command. Every other one is rejected, so that none is ignored."""
_NAMES_OF_COUNTS = {"copied": "copied", "skipped": "skipped", "deleted": "deleted", "extra": "only in the target"}
_SIGNS = {ObjectNotFoundError.__name__: ("missing", "-"), ChecksumMismatchError.__name__: ("different", "*")}


async def do_on_engine(app: App, command: str) -> None:
    """Do a command on the engine that its options name.

    Raises UsageError for options and paths that its job does not know.
    """
    _reject_unknown_options(app.options, command)
    roots = [_directory(path, app.options) for path in _sources(app.options, command)]
    job = _job(app.options, command, (await app.session()).config)
    ranges: list[KeyRange] = []
    async with _limited_session(app) as session:
        for root in roots:
            if await _is_there(app, command, session, root):
                ranges += await split(root, app.options.range_keys, session=session)
        if command == "cmp":
            await require_something(session, _directory(app.options.second, app.options))
    if ranges:
        await _Following(app, command, roots).follow(job, ranges)


@contextlib.asynccontextmanager
async def _limited_session(app: App) -> AsyncGenerator[aios3.Session, None]:
    """Yield the session for what is read before the workers begin, at the rate of ``--limit-requests``."""
    session, limit = await app.session(), app.options.limit_requests
    if limit is None:
        yield session
        return
    async with aios3.Session(limited(session.config, limit)) as slower:
        yield slower


def _reject_unknown_options(options: argparse.Namespace, command: str) -> None:
    """Raise UsageError for an option that was given and that the command's job does not know."""
    allowed = _OF_EVERY_COMMAND | _OF_COMMAND[command]
    for action in parser_of(COMMANDS[command])._actions:  # noqa: SLF001 - argparse has no other list
        default = first_parser().get_default(action.dest) if action.default == argparse.SUPPRESS else action.default
        value = getattr(options, action.dest, default)
        if not action.option_strings or action.dest in allowed or value == default:
            continue
        name = next(each for each in action.option_strings if each.startswith("--"))
        advice = "; without --on it prints what this process would do" if action.dest == "dry_run" else ""
        message = f"{name} does not go with --on{advice}"
        raise UsageError(message)
    if command in {"cp", "rm"} and not options.recursive:
        message = f"{command} --on works on directories, with all below them; add -r"
        raise UsageError(message)
    if command == "cmp" and not options.checksum:
        message = "cmp --on compares contents; add --checksum"
        raise UsageError(message)


def _sources(options: argparse.Namespace, command: str) -> list[str]:
    """Return the paths whose keys are cut into ranges, each once."""
    if command == "sync":
        return [options.source]
    if command == "cmp":
        return [options.first]
    paths: list[str] = options.sources if command == "cp" else options.paths
    if command == "cp" and len(paths) > 1:
        message = "cp --on takes one source; what is in it goes into the target"
        raise UsageError(message)
    return list(dict.fromkeys(paths))


def _directory(path: str, options: argparse.Namespace) -> S3Url:
    """Return a path as it was typed as a path in S3; raise UsageError for another one."""
    if path == STANDARD_STREAM:
        message = "--on works between places in S3; a stream is of this process"
        raise UsageError(message)
    if is_pattern(path, raw=getattr(options, "raw", True)):
        message = f"{path} has wildcards; --on takes directories, and --raw takes wildcards for characters of keys"
        raise UsageError(message)
    return S3Url.parse(require_s3(path)).require_bucket()


def _job(options: argparse.Namespace, command: str, config: aios3.Config) -> Job:
    if command == "rm":
        return Remove(config=config)
    if command == "du":
        return Measure(config=config)
    if command == "cmp":
        return Checksum(str(_directory(options.second, options)), config=config)
    target = str(_directory(options.target, options))
    include, exclude = map(tuple, globs_of(options))
    if command == "cp":
        return Copy(target, include, exclude, overwrite=not options.no_clobber, config=config)
    return Sync(target, include, exclude, delete=options.delete, checksum=options.checksum, config=config)


async def _is_there(app: App, command: str, session: aios3.Session, root: S3Url) -> bool:
    """Return whether there is a directory; print an error if not, unless ``rm -f`` is to take that for success."""
    try:
        is_object = root.key and not root.names_directory and await head_or_none(session, root) is not None
        if is_object and command != "sync":
            message = f"{root} is an object, and --on takes directories; end the path in / for what is below it"
            raise UsageError(message)
        await require_something(session, root)
    except ObjectNotFoundError as error:
        if command != "rm" or not app.options.force:
            app.output.error(command, error)
        return False
    return True


@dataclass(frozen=True, slots=True)
class RunState:
    """How far a run is."""

    ranges_done: int
    ranges_total: int
    keys_done: int
    keys_total: int
    bytes_done: int
    fraction_here: float
    """The share of all keys that this run has done, without those that an earlier one had done."""


def run_text(state: RunState, seconds: float) -> str:
    """Describe how far a run is that began ``seconds`` ago."""
    parts = [
        f"{state.ranges_done:,}/{state.ranges_total:,} ranges",
        f"{state.keys_done:,}/{state.keys_total:,} objects",
        format_size(state.bytes_done),
    ]
    share_left = 1 - state.keys_done / state.keys_total if state.keys_total else 0.0
    if share_left > 0 and state.fraction_here > 0:
        parts.append(f"{format_seconds(seconds * share_left / state.fraction_here)} left")
    return "  ".join(parts)


@dataclass(slots=True)
class _Sum:
    """The objects below one path, for ``du``."""

    path: str
    bytes: int = 0
    objects: int = 0


class _Following:
    """One command on an engine: prints the reports of its ranges, and their sum."""

    def __init__(self, app: App, command: str, roots: Sequence[S3Url]) -> None:
        self._app = app
        self._command = command
        self._sums = {str(root.with_key(root.prefix)): _Sum(str(root)) for root in roots}
        self._bar = open_bar_of(app, command, run_text)
        self._shown: Sequence[KeyRange] = ()
        self._keys_done = self._keys_here = self._keys_total = 0

    async def follow(self, job: Job, ranges: Sequence[KeyRange]) -> None:
        """Do ``job`` for all ranges; a cancellation ends what is under way."""
        options = self._app.options
        engine = await made_in_thread(lambda: Connected(options.on), Connected.leave)
        try:
            limit = options.limit_requests
            window = None if limit is None else engine.slots
            work = run(job, ranges, engine.executor, window=window, report=options.report, requests_per_second=limit)
            try:
                while (report := await _next_report(work)) is not None:
                    self._add(work, report)
            finally:
                await in_thread(work.close)
        finally:
            if self._bar is not None:
                self._bar.finish()
            await in_thread(engine.leave)
        self._print_sums(work)

    def _add(self, work: Run, report: Report) -> None:
        if self._bar is not None:
            self._show(self._bar, work, report)
        for failure in report.failures:
            self._print_failure(report, failure)
        if report.error is not None:
            self._app.output.error(self._command, _error_of(report.error))
        if self._command == "du":
            total_of = self._sums[str(report.range.root)]
            total_of.bytes += report.counts.bytes
            total_of.objects += report.counts.processed
        elif self._app.output.as_json:
            record = {**report_to_json(report), "is_earlier": report.is_earlier}
            self._app.output.result({"command": self._command, "report": record})

    def _show(self, bar: Bar[RunState], work: Run, report: Report) -> None:
        if self._shown is not work.ranges:  # those of an earlier run come with the first report
            self._shown, self._keys_total = work.ranges, sum(each.keys or 0 for each in work.ranges)
        keys, done = report.range.keys or 0, work.summary
        self._keys_done += keys
        self._keys_here += 0 if report.is_earlier else keys
        here = self._keys_here / self._keys_total if self._keys_total else 0.0
        bar(RunState(done.ranges, len(self._shown), self._keys_done, self._keys_total, done.counts.bytes, here))

    def _print_failure(self, report: Report, failure: Failure) -> None:
        """Print a difference that ``cmp`` has found, or an error."""
        root = str(report.range.root)
        if self._command != "cmp" or failure.code not in _SIGNS:
            self._app.output.error(self._command, _error_of(failure))
            return
        result, sign = _SIGNS[failure.code]
        name = failure.path.removeprefix(root)
        self._app.output.result({"command": "cmp", "result": result, "name": name}, f"{sign} {name}")
        self._app.output.errors += 1

    def _print_sums(self, work: Run) -> None:
        output, summary = self._app.output, work.summary
        if self._command == "du":
            sums = self._sums.values()
            output.table(map(asdict, sums), [_sum_row(each, self._app.options) for each in sums], right=(0, 1))
            return
        record = {"command": self._command, "summary": summary.to_json()}
        if self._command != "cmp":
            output.result(record, _sum_text(summary.counts, summary.seconds))
            return
        extra = summary.counts.extra
        output.result(record, *([f"+ {extra:,} objects are only in the second"] if extra else []))
        output.errors += extra


def _sum_text(counts: Counts, seconds: float) -> str:
    values = {each.name: getattr(counts, each.name) for each in fields(counts)}
    parts = [f"{values[name]:,} {shown}" for name, shown in _NAMES_OF_COUNTS.items() if values[name]]
    size = f", {format_size(counts.bytes)}" if counts.bytes else ""
    return f"{', '.join(parts) or 'nothing to do'}{size} in {format_seconds(seconds)}"


def _sum_row(total: _Sum, options: argparse.Namespace) -> tuple[str, str, str]:
    size = str(total.bytes) if options.bytes else format_size(total.bytes)
    return size, f"{total.objects:,}", total.path


def _error_of(failure: Failure) -> S3Error:
    return S3Error(failure.message, path=failure.path, code=failure.code)


async def _next_report(work: Run) -> Report | None:
    """Return the next report, None after the last; where that is cancelled, the run is closed at once."""
    waiting = asyncio.get_running_loop().run_in_executor(None, _report_or_none, work)
    try:
        return await asyncio.shield(waiting)
    except asyncio.CancelledError:
        await in_thread(work.close)
        await asyncio.wait({waiting})
        if not waiting.cancelled():
            waiting.exception()  # retrieved: the cancellation goes before it
        raise


def _report_or_none(work: Run) -> Report | None:
    try:
        return next(work, None)
    except concurrent.futures.CancelledError:  # the run was closed
        return None
