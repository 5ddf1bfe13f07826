"""The commands: where each one's code is, what it is for, and how it is used."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Protocol, cast

if TYPE_CHECKING:
    import argparse
    from collections.abc import Awaitable, Callable

    from aios3.cli._app import App


class CommandModule(Protocol):
    """A module of one or several commands."""

    ARGUMENTS: dict[str, Callable[[argparse.ArgumentParser], None]]
    RUN: dict[str, Callable[[App, argparse.Namespace], Awaitable[None]]]


@dataclass(frozen=True, slots=True)
class Command:
    """One command; its module is imported when the command runs, since each costs start-up time."""

    name: str
    module: str
    summary: str
    examples: tuple[str, ...]
    writes: bool = False
    """Ends by signals only after it has given back what it holds, such as an open upload."""

    def load(self) -> CommandModule:
        """Import the module with the command's arguments and code."""
        return cast("CommandModule", import_module(f"aios3.cli.{self.module}"))


COMMANDS = {
    command.name: command
    for command in (
        Command(
            "ls",
            "_listing",
            "list buckets, a directory, or what a pattern matches",
            ("aios3 ls -l s3://bucket/logs/", "aios3 ls -r 's3://bucket/logs/2026-*/**/*.gz'"),
        ),
        Command(
            "find",
            "_listing",
            "print the paths below a directory that pass tests of name, size, age and type",
            ("aios3 find s3://bucket/logs/ --newer 7d --larger 100M", "aios3 find 's3://bucket/**/*.tmp' --older 30d"),
        ),
        Command(
            "du",
            "_listing",
            "add up sizes and numbers of objects",
            ("aios3 du s3://bucket/", "aios3 du -d 1 s3://bucket/projects/"),
        ),
        Command(
            "stat",
            "_listing",
            "show what S3 tells of an object",
            ("aios3 stat s3://bucket/key", "aios3 --json stat s3://bucket/a s3://bucket/b"),
        ),
        Command(
            "cat",
            "_reading",
            "write objects to standard output, one after the other",
            ("aios3 cat s3://bucket/log.txt", "aios3 cat 's3://bucket/part-*' > whole"),
        ),
        Command(
            "head",
            "_reading",
            "write the beginning of an object",
            ("aios3 head s3://bucket/log.txt", "aios3 head -c 1M s3://bucket/image.iso"),
        ),
        Command(
            "tail",
            "_reading",
            "write the end of an object",
            ("aios3 tail s3://bucket/log.txt", "aios3 tail -c 1M s3://bucket/log.txt"),
        ),
        Command(
            "presign",
            "_reading",
            "print a link that reads an object without credentials",
            ("aios3 presign s3://bucket/key", "aios3 presign --expires 7d s3://bucket/key"),
        ),
        Command(
            "cp",
            "_copying",
            "copy files, objects, directories and patterns, from the disk to S3, back, and inside S3",
            (
                "aios3 cp report.pdf s3://bucket/reports/",
                "aios3 cp -r s3://bucket/photos/ ./photos/ --exclude '*.raw'",
            ),
            writes=True,
        ),
        Command(
            "mv",
            "_copying",
            "copy, and delete each source once its copy is there",
            ("aios3 mv s3://bucket/a.txt s3://bucket/old/", "aios3 mv -r ./logs s3://bucket/logs/"),
            writes=True,
        ),
        Command(
            "rm",
            "_removing",
            "delete objects, patterns and directories",
            ("aios3 rm 's3://bucket/logs/2025-*.gz'", "aios3 rm -r s3://bucket/tmp/ --dry-run"),
            writes=True,
        ),
        Command(
            "sync",
            "_syncing",
            "make a directory have what another has, and copy only what differs",
            ("aios3 sync ./site s3://bucket/site/ --delete", "aios3 sync s3://bucket/data/ ./data --exclude '*.tmp'"),
            writes=True,
        ),
        Command(
            "cmp",
            "_comparing",
            "print what differs between two directories or files",
            ("aios3 cmp ./site s3://bucket/site/", "aios3 cmp --checksum s3://bucket/a/ s3+backup://copy/a/"),
        ),
        Command(
            "put",
            "_putting",
            "write standard input as an object",
            (
                "pg_dump db | aios3 put s3://bucket/db.sql",
                "tar c . | aios3 put --storage-class GLACIER s3://bucket/all.tar",
            ),
            writes=True,
        ),
        Command(
            "mb",
            "_buckets_and_uploads",
            "make buckets",
            ("aios3 mb s3://bucket", "aios3 mb --region eu-central-1 s3://bucket"),
            writes=True,
        ),
        Command(
            "rb",
            "_buckets_and_uploads",
            "remove buckets",
            ("aios3 rb s3://bucket", "aios3 rb --force s3://bucket"),
            writes=True,
        ),
        Command(
            "uploads ls",
            "_buckets_and_uploads",
            "list multipart uploads that were not completed",
            ("aios3 uploads ls s3://bucket", "aios3 uploads ls --older-than 7d s3://bucket/big/"),
        ),
        Command(
            "uploads abort",
            "_buckets_and_uploads",
            "abort multipart uploads that were not completed, whose parts cost money",
            ("aios3 uploads abort s3://bucket", "aios3 uploads abort --older-than 12h s3://bucket/big/"),
            writes=True,
        ),
        Command(
            "zip ls",
            "_zipping",
            "list the members of a zip archive",
            ("aios3 zip ls -l s3://bucket/archive.zip", "aios3 zip ls s3://bucket/archive.zip 'docs/**/*.md'"),
        ),
        Command(
            "zip cat",
            "_zipping",
            "write members of a zip archive to standard output",
            ("aios3 zip cat s3://bucket/archive.zip read.me", "aios3 zip cat s3://bucket/logs.zip '*.log' > all.log"),
        ),
        Command(
            "zip extract",
            "_zipping",
            "extract members of a zip archive to a local directory or to S3",
            (
                "aios3 zip extract s3://bucket/archive.zip --to out",
                "aios3 zip extract s3://bucket/archive.zip '*.csv' --to s3://bucket/tables/",
            ),
            writes=True,
        ),
        Command(
            "zip create",
            "_zipping",
            "write files, directories and objects into a zip archive",
            (
                "aios3 zip create s3://bucket/site.zip public/",
                "aios3 zip create s3://bucket/old.zip 's3://bucket/logs/2025-*/**'",
            ),
            writes=True,
        ),
        Command(
            "bucket versioning",
            "_configuring",
            "print or set whether a bucket keeps versions",
            ("aios3 bucket versioning get s3://bucket", "aios3 bucket versioning set s3://bucket enabled"),
            writes=True,
        ),
        Command(
            "bucket lifecycle",
            "_configuring",
            "print, replace or delete the lifecycle rules of a bucket",
            (
                "aios3 bucket lifecycle get s3://bucket > rules.json",
                "aios3 bucket lifecycle set s3://bucket rules.json",
            ),
            writes=True,
        ),
        Command(
            "bucket policy",
            "_configuring",
            "print, replace or delete the policy of a bucket",
            ("aios3 bucket policy get s3://bucket", "aios3 bucket policy set s3://bucket policy.json"),
            writes=True,
        ),
        Command(
            "bucket cors",
            "_configuring",
            "print, replace or delete the CORS rules of a bucket",
            ("aios3 bucket cors get s3://bucket", "aios3 bucket cors get s3://a | aios3 bucket cors set s3://b"),
            writes=True,
        ),
        Command(
            "bucket tags",
            "_configuring",
            "print, replace or delete the tags of a bucket",
            ("aios3 bucket tags set s3://bucket team=data stage=test", "aios3 bucket tags delete s3://bucket"),
            writes=True,
        ),
        Command(
            "run",
            "_running",
            "run commands from a file or standard input, one a line, side by side",
            ("aios3 run commands.txt", "aios3 --dry-run sync d s3://bucket/d | aios3 run --jobs 32"),
            writes=True,
        ),
        Command(
            "completion",
            "_completing",
            "print a script that completes commands and options in a shell",
            ("source <(aios3 completion bash)", "aios3 completion fish > ~/.config/fish/completions/aios3.fish"),
        ),
    )
}
