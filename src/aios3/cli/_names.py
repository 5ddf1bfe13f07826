"""Paths as users type them: in S3, local, ``-``; with wildcards, or literal with ``--raw``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aios3 import is_s3
from aios3._patterns import has_magic
from aios3.cli._app import UsageError

if TYPE_CHECKING:
    import argparse

STANDARD_STREAM = "-"


def add_raw(parser: argparse.ArgumentParser) -> None:
    """Add the option that takes wildcards for characters of keys."""
    parser.add_argument("--raw", action="store_true", help="take * ? [ { in paths as they stand: no wildcards")


def add_filters(parser: argparse.ArgumentParser) -> None:
    """Add the globs that choose files of a directory."""
    for name, help_text in (("include", "only files that match"), ("exclude", "no files that match")):
        parser.add_argument(
            f"--{name}", metavar="GLOB", action="append", default=[], help=f"{help_text}; without /, at any depth"
        )


def globs_of(options: argparse.Namespace) -> tuple[list[str], list[str]]:
    """Return what is included and excluded, as the library takes it.

    A glob without ``/`` is meant in every directory, as ``aws s3``, s5cmd and rclone mean it. ``--exclude '*'`` beside
    an ``--include`` leaves what is included, as in ``aws s3``; otherwise it would leave nothing at all.
    """
    include, exclude = ([_at_any_depth(glob) for glob in globs] for globs in (options.include, options.exclude))
    if include:
        exclude = [glob for glob in exclude if glob not in {"**", "**/*", "**/**"}]
    return include, exclude


def _at_any_depth(glob: str) -> str:
    return glob if "/" in glob else f"**/{glob}"


def require_s3(path: str) -> str:
    """Return ``path`` if it is one of S3; raise UsageError otherwise."""
    if is_s3(path):
        return path
    scheme, separator, _ = path.partition("://")
    problem = f"scheme {scheme!r} is not supported" if separator else "is not an S3 path"
    message = f"{path}: {problem}; write s3://bucket/key"
    raise UsageError(message)


def is_pattern(path: str, *, raw: bool) -> bool:
    """Return whether ``path`` has wildcards that are meant as such."""
    return not raw and is_s3(path) and has_magic(path)


def fixed_part(pattern: str) -> str:
    """Return the directory before the first wildcard of a pattern, with its final ``/``."""
    depth = next(
        index for index in range(1, len(pattern) + 1) if has_magic(pattern[:index]) or pattern[index - 1] in "*?[{"
    )
    return pattern[: pattern.rindex("/", 0, depth) + 1]
