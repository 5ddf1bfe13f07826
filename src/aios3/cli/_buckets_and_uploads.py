"""The commands ``mb``, ``rb`` and ``uploads``: buckets, and multipart uploads that were never completed."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import aios3
from aios3 import S3Url
from aios3._trees.upload_cleanup import find_uploads
from aios3.cli._actions import ActionPrinter
from aios3.cli._app import UsageError
from aios3.cli._names import require_s3
from aios3.cli._units import format_time, parse_age
from aios3.errors import S3Error

if TYPE_CHECKING:
    import argparse
    from collections.abc import Awaitable, Callable

    from aios3 import OpenUpload
    from aios3.cli._app import App

_SAFE_AGE = timedelta(days=1)
"""The age from which an upload counts as abandoned: longer than uploads take."""


def _mb_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("buckets", nargs="+", metavar="BUCKET", help="s3://bucket; --region says where")


def _rb_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("buckets", nargs="+", metavar="BUCKET", help="s3://bucket")
    parser.add_argument("--force", action="store_true", help="first all objects, versions and open uploads in it")


async def _mb(app: App, options: argparse.Namespace) -> None:
    async def make(bucket: aios3.Bucket) -> None:
        await bucket.create()

    await _each_bucket(app, options, "mb", [], make)


async def _rb(app: App, options: argparse.Namespace) -> None:
    async def remove(bucket: aios3.Bucket) -> None:
        await bucket.delete(force=options.force)

    await _each_bucket(app, options, "rb", ["--force"] if options.force else [], remove)


async def _each_bucket(
    app: App,
    options: argparse.Namespace,
    command: str,
    words: list[str],
    change: Callable[[aios3.Bucket], Awaitable[None]],
) -> None:
    session, printer = await app.session(), ActionPrinter(app, command)
    buckets = [_bucket(path) for path in options.buckets]
    for url in buckets:
        try:
            if not options.dry_run:
                await change(aios3.Bucket(url, session=session))
        except S3Error as error:
            app.output.error(command, error)
        else:
            printer.print(command, None, str(url), words)


def _bucket(path: str) -> S3Url:
    """Return the bucket that ``path`` names; raise UsageError for an object or a directory in one."""
    url = S3Url.parse(require_s3(path)).require_bucket()
    if url.key:
        message = f"{path} is in a bucket, and this command takes whole buckets: {url.with_key('')}"
        raise UsageError(message)
    return url


def _uploads_ls_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("paths", nargs="+", metavar="PREFIX", help="a bucket, a directory or an object")
    parser.add_argument(
        "--older-than",
        metavar="AGE",
        type=parse_age,
        default=timedelta(),
        help="only those that began at least this long ago",
    )


def _uploads_abort_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("paths", nargs="+", metavar="PREFIX", help="a bucket, a directory or an object")
    parser.add_argument(
        "--older-than",
        metavar="AGE",
        type=parse_age,
        default=_SAFE_AGE,
        help="only those that began at least this long ago (1d)",
    )


async def _uploads_ls(app: App, options: argparse.Namespace) -> None:
    session = await app.session()
    for path in options.paths:
        try:
            _print_uploads(app, await _listed(path, options.older_than, session))
        except S3Error as error:
            app.output.error("uploads ls", error)


async def _uploads_abort(app: App, options: argparse.Namespace) -> None:
    session = await app.session()
    for path in options.paths:
        try:
            if options.dry_run:
                _print_plan(app, await _listed(path, options.older_than, session), options.older_than)
                continue
            url = S3Url.parse(require_s3(path)).require_bucket()
            aborted = await aios3.abort_uploads(url, options.older_than, session=session)
            _print_uploads(app, [(url.with_key(upload.key), upload) for upload in aborted])
        except S3Error as error:
            app.output.error("uploads abort", error)


async def _listed(path: str, older_than: timedelta, session: aios3.Session) -> list[tuple[S3Url, OpenUpload]]:
    """Return the uploads that ``uploads abort`` would end."""
    url = S3Url.parse(require_s3(path)).require_bucket()
    return [(url.with_key(upload.key), upload) for upload in await find_uploads(session, url, older_than)]


def _print_plan(app: App, uploads: list[tuple[S3Url, OpenUpload]], older_than: timedelta) -> None:
    for url, upload in uploads:
        record = {"command": "uploads abort", "target": str(url), "upload_id": upload.upload_id}
        age = f"{older_than.total_seconds():.0f}s"
        app.output.dry_run(record, ["uploads", "abort", "--older-than", age, str(url)])


def _print_uploads(app: App, uploads: list[tuple[S3Url, OpenUpload]]) -> None:
    records = [
        {"path": str(url), "upload_id": upload.upload_id, "initiated": format_time(upload.initiated)}
        for url, upload in uploads
    ]
    if records:
        app.output.table(records, [(one["initiated"], one["path"], one["upload_id"]) for one in records], right=())


ARGUMENTS = {
    "mb": _mb_arguments,
    "rb": _rb_arguments,
    "uploads ls": _uploads_ls_arguments,
    "uploads abort": _uploads_abort_arguments,
}
RUN = {"mb": _mb, "rb": _rb, "uploads ls": _uploads_ls, "uploads abort": _uploads_abort}
