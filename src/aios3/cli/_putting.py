"""The command ``put``: standard input becomes an object."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, cast

import aios3
from aios3 import S3Url
from aios3.cli._app import UsageError
from aios3.cli._names import require_s3
from aios3.cli._object_options import add_object_options, object_options
from aios3.cli._paths import add_ends, open_ends
from aios3.cli._stdin import read_chunks

if TYPE_CHECKING:
    import argparse

    from aios3.cli._app import App


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("target", metavar="DST", help="the object to write")
    parser.add_argument(
        "-n", "--no-clobber", "--no-overwrite", action="store_true", help="fail if there is an object already"
    )
    add_object_options(parser)
    add_ends(parser)


async def _put(app: App, options: argparse.Namespace) -> None:
    await put_standard_input(app, options, options.target)


async def put_standard_input(app: App, options: argparse.Namespace, path: str) -> None:
    """Write standard input as the object at ``path``; it is there as a whole, or not at all."""
    url = S3Url.parse(require_s3(path))
    if url.names_directory or not url.key:
        message = f"{path} is a directory; write the name of the object"
        raise UsageError(message)
    if options.dry_run:
        message = "--dry-run does not read standard input; it says nothing of put"
        raise UsageError(message)
    descriptor = app.standard_input()
    _, session = await open_ends(app, options)
    stored = cast("aios3.WriterOptions", object_options(options))
    mode: Literal["wb", "xb"] = "xb" if options.no_clobber else "wb"
    async with aios3.aopen(url, mode, session=session, **stored) as writer:
        await writer.write_from(read_chunks(descriptor))
    result = writer.result
    record = {"command": "put", "target": path, "size": result.size, "etag": result.etag}
    app.output.result(record | {"version_id": result.version_id}, f"put {path}")


ARGUMENTS = {"put": _arguments}
RUN = {"put": _put}
