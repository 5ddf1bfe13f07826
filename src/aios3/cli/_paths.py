"""Paths of commands that write: sources and the target, local or in S3, and the sessions of both ends."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from aios3 import S3Url, is_s3
from aios3._patterns import has_magic
from aios3._trees.local_names import local_name
from aios3.cli._app import UsageError
from aios3.cli._names import STANDARD_STREAM
from aios3.cli._words import option_words, repeated_words

if TYPE_CHECKING:
    import argparse

    import aios3
    from aios3.cli._app import App

Side = S3Url | str
"""A path in S3, or a local one."""
_END_OPTIONS = ("endpoint_url", "profile", "region")


def parse_path(path: str) -> Side:
    """Parse a path as it was typed; raise UsageError for a scheme that is neither."""
    if is_s3(path):
        return S3Url.parse(path).require_bucket()
    scheme, separator, _ = path.partition("://")
    if separator:
        message = f"{path}: scheme {scheme!r} is not supported; write s3://bucket/key, or a local path"
        raise UsageError(message)
    if not path:
        message = "a path is empty; write s3://bucket/key, a local path, or . for this directory"
        raise UsageError(message)
    return path


@dataclass(frozen=True, slots=True)
class Target:
    """Where copies go."""

    path: Side
    is_directory: bool
    """True if sources keep their names below it; False if it is the name of the one copy."""

    @property
    def root(self) -> str | None:
        """The local directory that no copy may leave."""
        return self.path if self.is_directory and isinstance(self.path, str) else None

    def below(self, name: str) -> Side:
        """Return the path of ``name``, relative and with ``/``; raise UnsafeNameError for one that leads elsewhere."""
        if isinstance(self.path, S3Url):
            return self.path.with_key(self.path.prefix + name)
        return f"{self.path.rstrip('/')}/{local_name(name)}"


def parse_target(path: str, *, raw: bool) -> Target:
    """Return the target as it was typed; one that ends in ``/``, a bucket and a local directory are directories."""
    target = parse_path(path)
    if isinstance(target, str):
        return Target(target, target.endswith("/") or Path(target).is_dir())
    if not raw and has_magic(path):
        message = f"{path}: the target has wildcards; write its name, or --raw if they are characters of the key"
        raise UsageError(message)
    return Target(target, target.names_directory or not target.key)


_AS_S5CMD = {"from": "source", "to": "destination"}


def add_ends(parser: argparse.ArgumentParser) -> None:
    """Add the options of commands with a source and a target: endpoints, profiles and regions of each."""
    group = parser.add_argument_group("two servers or accounts")
    for end, name in (("from", "source"), ("to", "target")):
        group.add_argument(f"--{end}-endpoint-url", metavar="URL", help=f"the server of the {name}")
        group.add_argument(f"--{end}-profile", metavar="NAME", help=f"the profile of the {name}")
        group.add_argument(
            f"--{end}-region", f"--{_AS_S5CMD[end]}-region", metavar="NAME", help=f"the region of the {name}"
        )


async def open_ends(app: App, options: argparse.Namespace) -> tuple[aios3.Session, aios3.Session]:
    """Return the sessions of source and target; one and the same unless an option names another."""
    source, target = ({name: getattr(options, f"{end}_{name}") for name in _END_OPTIONS} for end in ("from", "to"))
    return await app.session(**source), await app.session(**target)


def end_words(options: argparse.Namespace) -> list[str]:
    """Return the words of a command line that name the same ends."""
    return repeated_words(options, *(f"{end}_{name}" for end in ("from", "to") for name in _END_OPTIONS))


def target_words(options: argparse.Namespace) -> list[str]:
    """Return the words of a command on the target alone."""
    return option_words({name: getattr(options, f"to_{name}") for name in _END_OPTIONS})


def reject_streams(paths: list[str], command: str) -> None:
    """Raise UsageError if a path is ``-``, which ``command`` does not take."""
    if STANDARD_STREAM in paths:
        message = (
            f"{command} takes no '-'; put writes standard input to an object, cat writes objects to standard output"
        )
        raise UsageError(message)
