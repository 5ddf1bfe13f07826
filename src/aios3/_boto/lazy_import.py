"""aiobotocore, imported where that cannot hang.

Its modules make loggers when they are imported, and this takes logging's lock, which the caller of the blocking face
may hold. So the thread that waits imports them.
"""

from __future__ import annotations

import importlib
import sys

from aios3._boto.boto_sessions import be_quiet
from aios3._caller_thread import run_in_caller_thread
from aios3._logs import divert_libraries

_MODULES = ("aiobotocore.session", "aiobotocore.config", "aiobotocore.credentials", "aiobotocore.httpsession")
"""Modules that a client and the chain of credentials need, and all below them."""


async def load_aiobotocore() -> None:
    """Import aiobotocore; the calls that need it wait for that."""
    if not all(name in sys.modules for name in _MODULES):
        await run_in_caller_thread(_import)


def _import() -> None:
    for name in _MODULES:
        importlib.import_module(name)
    be_quiet()
    divert_libraries()
