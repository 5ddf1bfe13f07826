"""What blocks on the way to credentials: a prompt at the terminal, a source that hangs; and what a terminal shows."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import textwrap
import threading
from typing import TYPE_CHECKING

import pytest
from credential_drivers import DATA, PATH
from credential_sources import (
    SOURCES,
    use_role,
    use_web_identity,
)

import aios3

if TYPE_CHECKING:
    from collections.abc import Iterator

    from credential_sources import Place

TRANSPORTS = ["auto", "aiobotocore"]
PATIENCE_SECONDS = 60
"""Less than the limit of a test: a loop that closes waits for its threads without end, and no limit ends that."""
DEVICE = "mfa_serial = arn:aws:iam::111122223333:mfa/somebody\n"


class Terminal:
    """Somebody who types what a test says, when it says so."""

    def __init__(self, *codes: str) -> None:
        self.codes = list(codes)
        self.prompts: list[str] = []
        self.prompted = threading.Event()
        self.typed = threading.Event()
        self.typed.set()

    def ask(self, prompt: str) -> str:
        self.prompts.append(prompt)
        self.prompted.set()
        assert self.typed.wait(PATIENCE_SECONDS), "nobody has typed"
        return self.codes.pop(0)


@pytest.fixture
def terminal(place: Place, monkeypatch: pytest.MonkeyPatch) -> Iterator[Terminal]:
    """A role that needs a code, and who types it; at the end of the test no thread waits for either."""
    from botocore.credentials import AssumeRoleProvider  # noqa: PLC0415 - slow to import

    use_role(place, DEVICE)
    somebody = Terminal("123456")
    original = AssumeRoleProvider.__init__

    def prompting(self, *args, **options) -> None:
        original(self, *args, **options | {"prompter": somebody.ask})

    monkeypatch.setattr(AssumeRoleProvider, "__init__", prompting)
    place.accounts.codes = {"123456", "654321"}
    yield somebody
    somebody.prompted.set()
    somebody.typed.set()


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_one_code_does_for_a_session_and_the_loop_goes_on_while_it_is_typed(place: Place, terminal, transport):
    terminal.typed.clear()
    async with aios3.Session(transport=transport) as session:
        reads = [asyncio.create_task(aios3.read_bytes(PATH, session=session)) for _ in range(20)]
        assert await asyncio.to_thread(terminal.prompted.wait, PATIENCE_SECONDS), "nobody was asked"
        assert not any(read.done() for read in reads)
        terminal.typed.set()  # by the loop, which a prompt on it would not let come here
        assert await asyncio.gather(*reads) == [DATA] * 20
        assert await aios3.presign(PATH, session=session)
        await aios3.get_s3_client(session=session)
    assert len(terminal.prompts) == 1
    assert place.count() == 1


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_expired_mfa_credentials_do_not_prompt_again(place: Place, terminal, transport):
    terminal.codes.append("654321")
    async with aios3.Session(transport=transport) as session:
        await aios3.read_bytes(PATH, session=session)
        place.accounts.advance(3500)
        await aios3.read_bytes(PATH, session=session)
        place.accounts.advance(101)
        with pytest.raises(aios3.CredentialsError, match=r"another code of the MFA device.*new session"):
            await aios3.read_bytes(PATH, session=session)
    assert len(terminal.prompts) == 1
    async with aios3.Session(transport=transport) as session:
        await aios3.read_bytes(PATH, session=session)
    assert len(terminal.prompts) == 2


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_a_code_with_a_slip_of_the_finger_can_be_typed_again(place: Place, terminal, transport):
    terminal.codes = ["000000", "123456"]
    async with aios3.Session(transport=transport) as session:
        with pytest.raises(aios3.CredentialsError, match="invalid MFA"):
            await aios3.read_bytes(PATH, session=session)
        place.accounts.advance(1)
        await aios3.read_bytes(PATH, session=session)


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_a_session_closes_during_a_prompt_for_a_code(place: Place, terminal, transport):
    terminal.typed.clear()
    session = aios3.Session(transport=transport)
    reading = asyncio.create_task(aios3.read_bytes(PATH, session=session))
    assert await asyncio.to_thread(terminal.prompted.wait, PATIENCE_SECONDS), "nobody was asked"
    await session.aclose()
    with pytest.raises(aios3.ClosedHandleError):
        await reading
    terminal.typed.set()


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("source", ["instance metadata", "container", "web identity", "assumed role", "single sign-on"])
async def test_a_session_closes_while_a_source_hangs_and_leaves_no_thread(place: Place, source, transport):
    SOURCES[source](place)
    place.accounts.may_respond.clear()
    session = aios3.Session(transport=transport)
    reading = asyncio.create_task(aios3.read_bytes(PATH, session=session))
    assert await asyncio.to_thread(place.accounts.asked.wait, PATIENCE_SECONDS)
    await session.aclose()
    with pytest.raises(aios3.ClosedHandleError):
        await reading
    for thread in threading.enumerate():
        if thread.name == "aios3 credentials":
            await asyncio.to_thread(thread.join, PATIENCE_SECONDS)
            assert not thread.is_alive()


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_a_session_closes_while_a_program_hangs(place: Place, transport):
    started = place.folder / "started"
    source = f"import os, pathlib, time\npathlib.Path({str(started)!r}).write_text(str(os.getpid()))\ntime.sleep(60)\n"
    command = f"{sys.executable} {place.write('slow.py', source)}"
    place.env(AWS_CONFIG_FILE=place.write("config", f"[default]\ncredential_process = {command}\n"))
    session = aios3.Session(transport=transport)
    reading = asyncio.create_task(aios3.read_bytes(PATH, session=session))
    while not (started.exists() and started.read_text()):
        await asyncio.sleep(0)
    await session.aclose()
    with pytest.raises(aios3.ClosedHandleError):
        await reading
    with pytest.raises(ProcessLookupError):
        os.kill(int(started.read_text()), 0)


PROGRAM = """
import asyncio, sys
import aios3
{setup}
async def main():
    async with aios3.Session(transport={transport!r}) as session:
        for _ in range(3):
            try:
                print(len(await aios3.read_bytes("s3://bucket/key", session=session)))
            except Exception as error:
                print(type(error).__name__, error)

asyncio.run(main())
"""


def run_alone(place: Place, transport: str, typed: str, setup: str = "") -> tuple[str, str]:
    """Run a program in a process without a terminal; return what it prints on stdout and on stderr."""
    code = textwrap.dedent(PROGRAM).format(transport=transport, setup=setup)
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, "HOME": str(place.folder)},
    )
    return process.communicate(typed)


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_one_code_on_the_standard_input_does(place: Place, transport):
    use_role(place, DEVICE)
    place.accounts.codes = {"123456"}
    out, _ = await asyncio.to_thread(run_alone, place, transport, "123456\n")
    assert out.split() == [str(len(DATA))] * 3
    assert place.count() == 1


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_an_mfa_code_without_a_terminal_is_a_clear_error(place: Place, transport):
    use_role(place, DEVICE)
    out, _ = await asyncio.to_thread(run_alone, place, transport, "")
    lines = out.splitlines()
    assert len(lines) == 3
    for line in lines:
        assert line.startswith("CredentialsError")
        assert "MFA device" in line
        assert "no terminal" in line


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize(
    "source", ["web identity", "container", "assumed role", "single sign-on", "credential_process"]
)
async def test_a_failing_credential_source_prints_nothing_without_logging_handlers(place: Place, source, transport):
    SOURCES[source](place)
    place.set_down(True)
    out, printed = await asyncio.to_thread(run_alone, place, transport, "")
    assert out.count("CredentialsError") == 3
    assert printed == ""


async def test_configured_logging_shows_botocores_records(place: Place):
    use_web_identity(place)
    place.set_down(True)
    setup = "import logging; logging.basicConfig(level=logging.WARNING)"
    _, printed = await asyncio.to_thread(run_alone, place, "auto", "", setup)
    assert "aiobotocore.credentials" in printed
