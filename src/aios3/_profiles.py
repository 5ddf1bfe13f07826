"""The files of profiles, read and merged as botocore does: ``~/.aws/config`` and ``~/.aws/credentials``.

botocore's own reader is not used, because importing it takes longer than all that a small program does with S3. It is
the oracle of the tests.
"""

from __future__ import annotations

import os.path
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from aios3._logs import get_logger
from aios3.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from configparser import RawConfigParser

Section: TypeAlias = "Mapping[str, str | Mapping[str, str]]"
"""Settings by name; one that has settings below it, such as ``s3 =``, is a mapping itself."""

_log = get_logger("aios3.settings")


@dataclass(frozen=True, slots=True)
class Profiles:
    """The contents of both files, by the name of the profile and of the ``services`` section."""

    profiles: Mapping[str, Section] = field(repr=False)
    services: Mapping[str, Section] = field(repr=False)


def read_profiles(environ: Mapping[str, str]) -> Profiles:
    """Read both files; one that does not exist says nothing.

    Raises ConfigError for a file that does not parse as profiles. Lines of it are not shown: they may be secrets.
    """
    config = _read(environ.get("AWS_CONFIG_FILE", "~/.aws/config"))
    profiles: dict[str, Section] = {}
    services: dict[str, Section] = {}
    for name, section in config.items():
        if name == "default":
            profiles[name] = section
        elif name.startswith("profile"):
            profiles |= dict.fromkeys(_section_name(name), section)  # the later of two replaces the other
        elif name.startswith("services"):
            services |= dict.fromkeys(_section_name(name), section)
    for name, section in _read(environ.get("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials")).items():
        profiles[name] = {**profiles.get(name, {}), **section}
    return Profiles(profiles, services)


def _section_name(header: str) -> Iterator[str]:
    """Return the name in a header such as ``profile name`` or ``profile "a name"``, if it has just one."""
    import shlex  # noqa: PLC0415 - only where there are such headers

    try:
        words = shlex.split(header)
    except ValueError:
        return
    if len(words) == 2:  # noqa: PLR2004 - the kind, and the name
        yield words[1]


def _read(name: str) -> dict[str, Section]:
    # pathlib would take longer to import than all of this takes to run.
    path = os.path.expanduser(os.path.expandvars(name))  # noqa: PTH111 - see above
    if not os.path.isfile(path):  # noqa: PTH113 - see above
        return {}
    import configparser  # noqa: PLC0415 - slow to import, and often the file is missing

    parser = configparser.RawConfigParser()
    try:
        if not parser.read(path, encoding="locale"):
            _log.warning("The file of profiles %s may not be read, and counts as empty", path)
        return {section: _section(parser, section) for section in parser.sections()}
    except (configparser.Error, ValueError) as error:
        line = getattr(error, "lineno", None) or next((line for line, _ in getattr(error, "errors", ())), None)
        position = f", line {line}" if line else ""
        message = f"{path}{position}: this is no file of profiles ({type(error).__name__}); see 'aws configure'"
        raise ConfigError(message) from None  # the error's own text repeats the line


def _section(parser: RawConfigParser, section: str) -> Section:
    return {
        name: _nested(value) if value.startswith("\n") else value  # settings below a setting stand on their own lines
        for name, value in parser.items(section)
    }


def _nested(lines: str) -> Mapping[str, str]:
    pairs = (line.split("=", 1) for line in lines.splitlines() if line.strip())
    return {name.strip(): value.strip() for name, value in pairs}
