"""Options that users of aws s3 and s5cmd type: each is taken, or rejected with what to use instead."""

from __future__ import annotations

import contextlib
import re

import pytest

from aios3.cli._names import globs_of
from aios3.cli._object_options import object_options
from aios3.cli._other_options import INSTEAD
from aios3.cli._parsing import global_options, parse
from aios3.cli._units import http_date
from aios3.cli._usage import UsageError

COPYING = [
    "--dryrun",
    "--quiet",
    "--include=*",
    "--exclude=*",
    "--acl=private",
    "--follow-symlinks",
    "--no-follow-symlinks",
    "--no-guess-mime-type",
    "--sse=AES256",
    "--sse-c",
    "--sse-c-key=k",
    "--sse-kms-key-id=k",
    "--sse-c-copy-source",
    "--sse-c-copy-source-key=k",
    "--storage-class=GLACIER",
    "--grants=read=x",
    "--website-redirect=/",
    "--content-type=a/b",
    "--cache-control=no-cache",
    "--content-disposition=inline",
    "--content-encoding=gzip",
    "--content-language=de",
    "--expires=2030-01-01",
    "--source-region=eu-west-1",
    "--only-show-errors",
    "--no-progress",
    "--page-size=5",
    "--ignore-glacier-warnings",
    "--force-glacier-transfer",
    "--request-payer=requester",
    "--checksum-mode=ENABLED",
    "--checksum-algorithm=CRC32",
    "--metadata=a=b",
    "--metadata-directive=COPY",
    "--case-conflict=warn",
    "--copy-props=none",
    "--progress-frequency=5",
    "--progress-multiline",
]
S5CMD = [
    "--json",
    "--no-verify-ssl",
    "--no-sign-request",
    "--profile=p",
    "--endpoint-url=http://h",
    "--numworkers=5",
    "--stat",
    "--log=debug",
    "--credentials-file=f",
    "--use-list-objects-v1",
    "--dry-run",
]
S5CMD_COPYING = [
    "--flatten",
    "--no-clobber",
    "--raw",
    "--if-size-differ",
    "--if-source-newer",
    "--concurrency=5",
    "--part-size=64M",
    "--storage-class=GLACIER",
    "--destination-region=eu-west-1",
    "--show-progress",
    "--version-id=5",
    "--metadata-directive=COPY",
]
OPTIONS = {
    "cp a s3://b/": [*COPYING, "--recursive", "--no-overwrite", "--expected-size=5", *S5CMD, *S5CMD_COPYING],
    "mv a s3://b/": [*COPYING, "--recursive", "--validate-same-s3-paths"],
    "sync a s3://b/": [*COPYING, "--delete", "--size-only", "--exact-timestamps", "--exit-on-error"],
    "rm s3://b/": ["--recursive", "--dryrun", "--quiet", "--exclude=*", "--only-show-errors", "--page-size=5",
                   "--all-versions", "--version-id=5", "--raw"],
    "ls s3://b/": ["--recursive", "--human-readable", "--summarize", "--page-size=5", "--request-payer=requester",
                   "--bucket-name-prefix=x", "--etag", "--humanize", "--show-fullpath", "--output=json", "--query=x",
                   "--color=off", "--no-cli-pager"],
    "rb s3://b": ["--force"],
    "presign s3://b/k": ["--expires-in=60"],
}  # fmt: skip
TAKEN_BY_SOME = {("rm", "--version-id"), ("cp", "--version-id")}
"""Options that other commands take, or reject."""
ROWS = [(line, option) for line, options in OPTIONS.items() for option in dict.fromkeys(options)]


@pytest.mark.parametrize(("line", "option"), ROWS)
def test_an_option_of_another_program_is_taken_or_says_what_to_use(line, option):
    advice = INSTEAD.get(option.partition("=")[0])
    is_taken = (line.split()[0], option.partition("=")[0]) in TAKEN_BY_SOME or advice is None
    with contextlib.nullcontext() if is_taken else pytest.raises(UsageError, match=f"; {re.escape(advice)}"):
        parse([*line.split(), option])


def test_options_without_effect_are_taken_before_a_command_and_in_lines_of_run():
    _, options = parse(["--page-size", "5", "run", "--show-progress"])
    command, _ = parse(["ls", "--page-size=7", "s3://b/"], global_options(options))
    assert command.name == "ls"


def test_an_option_of_no_program_leads_to_the_help():
    with pytest.raises(UsageError, match="see aios3 cp --help"):
        parse(["cp", "--never-heard-of", "a", "s3://b/"])


@pytest.mark.parametrize("option", INSTEAD)
def test_advice_is_not_given_on_an_option_that_every_command_takes(option):
    with pytest.raises(UsageError, match="unrecognized arguments"):
        parse(["mb", option, "s3://b"])


@pytest.mark.parametrize(
    ("text", "header"),
    [
        ("2030-01-02", "Wed, 02 Jan 2030 00:00:00 GMT"),
        ("2030-01-02T03:04:05+02:00", "Wed, 02 Jan 2030 01:04:05 GMT"),
        ("Wed, 02 Jan 2030 00:00:00 GMT", "Wed, 02 Jan 2030 00:00:00 GMT"),
        ("0", "0"),
    ],
)
def test_the_time_until_which_caches_keep_an_object_is_sent_as_http_writes_it(text, header):
    assert http_date(text) == header
    _, options = parse(["cp", "--expires", text, "a", "s3://b/"])
    assert object_options(options) == {"expires": header}


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("--exclude *.map", ([], ["**/*.map"])),
        ("--exclude a/*.map --include b/", (["b/"], ["a/*.map"])),
        ("--exclude * --include *.txt", (["**/*.txt"], [])),
        ("--include *.txt --exclude ** --exclude x", (["**/*.txt"], ["**/x"])),
        ("--exclude *", ([], ["**/*"])),
    ],
)
def test_filters_mean_what_they_mean_to_users_of_other_programs(line, expected):
    _, options = parse(["sync", "a", "s3://b/", *line.split()])
    assert globs_of(options) == expected


@pytest.mark.parametrize(("word", "reason"), [("s3", "leave out the word s3"), ("copy", "there is no command 'copy'")])
def test_a_word_that_is_no_command_is_explained(word, reason):
    with pytest.raises(UsageError, match=reason):
        parse([word, "ls"])
