from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import botocore.config
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from aios3.testing import LocalServer

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture(scope="session")
def load_example() -> Callable[[str], ModuleType]:
    """Import an example by its name, once; the examples are no package."""

    def load(name: str) -> ModuleType:
        module_name = f"aios3_example_{name}"
        if module_name in sys.modules:
            return sys.modules[module_name]
        spec = importlib.util.spec_from_file_location(module_name, EXAMPLES / f"{name}.py")
        module = importlib.util.module_from_spec(spec)
        sys.modules[module_name] = module
        spec.loader.exec_module(module)
        return module

    return load


@pytest.fixture
def run_example() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run an example as a user does, with warnings as errors."""

    def run(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-W", "error", str(EXAMPLES / f"{name}.py"), *arguments]
        return subprocess.run(command, capture_output=True, text=True, encoding="utf-8", timeout=90, check=False)

    return run


@pytest.fixture
def boto(aios3_server: LocalServer):
    """A client that shares nothing with aios3, to look at what is really on the server."""
    credentials = aios3_server.config["credentials"]
    client = boto3.client(
        "s3",
        endpoint_url=aios3_server.endpoint_url,
        region_name="us-east-1",
        aws_access_key_id=credentials.access_key,
        aws_secret_access_key=credentials.secret_key,
        config=botocore.config.Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}),
    )
    yield client
    client.close()
