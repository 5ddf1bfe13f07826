"""Record the commands of the guide as a picture of a terminal: ``docs/guide/command-line.svg``.

Each command runs in a pseudo-terminal against a server of its own; what it prints is what the picture has. Needs
``rich`` and the extra ``testing``.
"""

from __future__ import annotations

import io
import os
import pty
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "src"))

from rich.console import Console  # noqa: E402 - after the path, as what follows
from rich.text import Text  # noqa: E402

from aios3 import Credentials  # noqa: E402
from aios3.testing import LocalServer  # noqa: E402

PICTURE = ROOT / "docs" / "guide" / "command-line.svg"
COLUMNS = 92
COMMANDS = (
    "aios3 cp -r site s3://bucket/site/",
    "aios3 ls s3://bucket/site/",
    "aios3 ls -rl s3://bucket/site/",
    "aios3 sync site s3://bucket/site/ --delete --dry-run",
    "aios3 du -d 1 s3://bucket/",
    "aios3 cat 's3://bucket/site/log/*.txt'",
    "aios3 rm s3://bucket/site/nothing",
)


def make_site(folder: Path) -> None:
    """Write a few files."""
    for name, size in {"index.html": 5_321, "img/logo.png": 48_210, "img/map.png": 1_204_871}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(bytes(size))
    (folder / "log").mkdir()
    for day in (29, 30):
        (folder / "log" / f"2026-11-{day}.txt").write_text(f"11-{day} all well\n")


def run(command: str, folder: Path, environment: dict[str, str]) -> str:
    """Run one command in a pseudo-terminal, and return what a user sees."""
    ours, terminal = pty.openpty()
    words = [sys.executable, "-m", *shlex.split(command)]
    with subprocess.Popen(  # noqa: S603 - the commands above
        words, cwd=folder, env=environment, stdin=terminal, stdout=terminal, stderr=terminal
    ) as process:
        os.close(terminal)
        shown = io.BytesIO()
        try:
            while data := os.read(ours, 65536):
                shown.write(data)
        except OSError:  # the other side is closed
            pass
        process.wait()
    os.close(ours)
    return shown.getvalue().decode().replace("\r\n", "\n")


def main() -> None:
    """Record, and write the picture."""
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True)
    with LocalServer() as server, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_site(folder / "site")
        credentials = server.config["credentials"]
        assert isinstance(credentials, Credentials)
        environment = os.environ | {
            "PYTHONPATH": str(ROOT / "src"),
            "AWS_ENDPOINT_URL": server.endpoint_url,
            "AWS_ACCESS_KEY_ID": credentials.access_key,
            "AWS_SECRET_ACCESS_KEY": credentials.secret_key,
            "AWS_DEFAULT_REGION": "us-east-1",
            "COLUMNS": str(COLUMNS),
            "TERM": "xterm-256color",
        }
        for command in COMMANDS:
            console.print(Text.assemble(("$ ", "bold green"), (command, "bold")))
            options = f"{command} --no-progress" if " cp -r" in command else command
            console.print(Text.from_ansi(run(options, folder, environment).rstrip("\n")))
            if "cp -r" in command:
                (folder / "site" / "img" / "map.png").unlink()
                (folder / "site" / "index.html").write_bytes(bytes(5_400))
    picture = re.sub(r"@font-face \{.*?\}", "", console.export_svg(title="aios3"), flags=re.DOTALL)
    PICTURE.write_text(picture, encoding="utf-8")  # without fonts that a browser would fetch


if __name__ == "__main__":
    main()
