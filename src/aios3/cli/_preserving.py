"""The options that say what is kept of local files besides their bytes: times and permissions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aios3 import S3Url

if TYPE_CHECKING:
    import argparse

    from aios3._trees.file_attributes import Attribute
    from aios3.cli._paths import Side


def add_preserve(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    group = parser.add_mutually_exclusive_group()
    group.add_argument(
        "--preserve", action="store_true", help="keep times and permissions in metadata, and give them back to files"
    )
    group.add_argument("--no-preserve-mtime", action="store_true", help="upload files without their times in metadata")


def preserved(target: Side, options: argparse.Namespace) -> tuple[Attribute, ...]:
    """Return what is kept: an upload costs nothing more with the time, which rclone and s3fs look for.

    A downloaded file has the time of its object, unless it is asked for: listings show no other, and ``sync`` compares
    with them.
    """
    if options.preserve:
        return ("mtime", "mode")
    return ("mtime",) if isinstance(target, S3Url) and not options.no_preserve_mtime else ()
