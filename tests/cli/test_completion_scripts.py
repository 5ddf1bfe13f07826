"""Completion as real shells do it, and the manual: both are made of the parsers, so neither lacks an option."""

from __future__ import annotations

import os
import pty
import re
import select
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from cli_program import PROGRAM

from aios3.cli._commands import COMMANDS
from aios3.cli._describing import options_of
from aios3.cli._parsing import parser_of

ROOT = Path(__file__).parents[2]
LINES = {
    "aios3 z": {"zip"},
    "aios3 zip ": {"ls", "cat", "extract", "create"},
    "aios3 --profile x zip e": {"extract"},
    "aios3 zip --json ": {"ls", "cat", "extract", "create"},
    "aios3 zip create --comp": {"--compression"},
    "aios3 zip create --compression ": {"deflate", "stored", "bzip2", "lzma"},
    "aios3 bucket policy ": {"get", "set", "delete"},
    "aios3 bucket versioning ": {"get", "set"},
    "aios3 completion ": {"bash", "zsh", "fish"},
    "aios3 --no-": {"--no-sign-request", "--no-verify-ssl", "--no-progress"},
    "aios3 ls --l": {"--limit-rate", "--long"},
}
"""What stands before the cursor, and what may follow."""


def needs(shell):
    return pytest.mark.skipif(shutil.which(shell) is None, reason=f"{shell} is not installed")


@pytest.fixture(scope="module")
def scripts(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scripts")
    for shell in ("bash", "zsh", "fish"):
        done = subprocess.run([*PROGRAM, "completion", shell], capture_output=True, check=True)
        (folder / shell).write_bytes(done.stdout)
    return folder


def test_bash_completes_words(scripts):
    asked = "\n".join(f"ask {line!r}" for line in LINES)
    program = f"""
        set -u
        source {scripts}/bash
        ask() {{
            read -ra COMP_WORDS <<< "$1"
            [[ $1 == *' ' ]] && COMP_WORDS+=('')
            COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
            _aios3
            echo "${{COMPREPLY[*]-}}"
        }}
        {asked}
    """
    done = subprocess.run(["bash", "--norc", "-c", program], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    found = [set(line.split()) for line in done.stdout.splitlines()]
    assert dict(zip(LINES, found, strict=True)) == LINES


def test_bash_completes_files_where_no_word_is_known(scripts, tmp_path):
    (tmp_path / "some file").touch()
    program = f'source {scripts}/bash; COMP_WORDS=(aios3 cp so); COMP_CWORD=2; _aios3; echo "${{#COMPREPLY[@]}}"'
    done = subprocess.run(["bash", "--norc", "-c", program], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout == "0\n"  # then bash itself completes files: complete -o default
    shown = subprocess.run(
        ["bash", "--norc", "-c", f"source {scripts}/bash; complete -p aios3"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert shown.stdout == "complete -o bashdefault -o default -F _aios3 aios3\n"


@needs("fish")
@pytest.mark.parametrize("line", LINES)
def test_fish_completes_words(scripts, tmp_path, line):
    program = f"source {scripts}/fish; complete -C {line!r}"
    done = subprocess.run(
        ["fish", "--no-config", "-c", program],
        env=os.environ | {"HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert {shown.split("\t")[0] for shown in done.stdout.splitlines()} == LINES[line]


@needs("zsh")
@pytest.mark.parametrize("line", [line for line, words in LINES.items() if len(words) > 1])
def test_zsh_completes_words(scripts, line):
    """Drive the line editor: zsh completes nothing without one."""
    parent, child = pty.openpty()
    setup = f"PROMPT='>'; autoload -U compinit; compinit -u -D; source {scripts}/zsh; LISTMAX=9999; echo rea''dy\n"
    shell = subprocess.Popen(
        ["setsid", "--ctty", "zsh", "-f", "-i"],
        stdin=child,
        stdout=child,
        stderr=child,
        env=os.environ | {"TERM": "dumb"},
    )
    try:
        os.write(parent, setup.encode())
        read_until(parent, {"(?s)ready.*>"})
        os.write(parent, f"{line}\t".encode())
        read_until(parent, LINES[line])
    finally:
        shell.kill()
        shell.wait()
        os.close(parent)
        os.close(child)


def read_until(terminal, patterns):
    """Read what a terminal shows until all patterns are found in it; fail if it falls silent before."""
    shown = ""
    while not all(re.search(pattern, shown) for pattern in patterns):
        readable, _, _ = select.select([terminal], [], [], 30)
        assert readable, shown
        shown += os.read(terminal, 4096).decode(errors="replace")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_script_has_every_option_of_every_command(scripts, shell):
    script = (scripts / shell).read_text()
    for name, command in COMMANDS.items():
        assert f"'{name}'" in script.replace("\\'", "'")
        for option in options_of(parser_of(command)):
            for spelling in option.names:
                shown = f"{'-l' if spelling.startswith('--') else '-s'} {spelling.lstrip('-')} "
                assert (shown if shell == "fish" else spelling) in script


def test_the_manual_is_up_to_date():
    done = subprocess.run([sys.executable, "tools/make_man.py", "--check"], cwd=ROOT, check=False)
    assert done.returncode == 0


@needs("groff")
def test_the_manual_is_good_roff_with_every_command():
    page = ROOT / "docs" / "man" / "aios3.1"
    done = subprocess.run(
        ["groff", "-man", "-Tascii", "-ww", "-P-cbou", str(page)], capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    words = " ".join(done.stdout.split())
    for name, command in COMMANDS.items():
        assert f"aios3 {name} [options]" in words
        for example in command.examples:
            assert " ".join(example.split()) in words
