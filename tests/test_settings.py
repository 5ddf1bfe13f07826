"""One reading of the settings: what is wrong is rejected with its source and without secrets, on both transports."""

from __future__ import annotations

import ssl

import pytest

import aios3
import aios3.sync
from aios3 import Config, Credentials
from aios3._settings import read_settings
from aios3.errors import ConfigError
from imported import imported_by

KEYS = Credentials("AKID", "secret")
NAMED = {"AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_DEFAULT_REGION": "us-east-1"}
TRANSPORTS = ["auto", "aiobotocore"]


@pytest.fixture
def surroundings(monkeypatch, tmp_path):
    """Set variables, and write the files of profiles."""

    def surround(config: str = "", credentials: str = "", **environ: str) -> dict[str, str]:
        for name, text in (("config", config), ("credentials", credentials)):
            (tmp_path / name).write_text(text)
        environ |= {
            "AWS_CONFIG_FILE": str(tmp_path / "config"),
            "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials"),
        }
        for name, value in environ.items():
            monkeypatch.setenv(name, value)
        return environ

    return surround


async def rejection(**options) -> ConfigError:
    """Use a session, and return the ConfigError that it must raise."""
    with pytest.raises(ConfigError) as caught:
        async with aios3.Session(**options) as session:
            await aios3.exists("s3://bucket/key", session=session)
    return caught.value


WRONG_ENDPOINTS = {
    "localhost:9000": "must begin with",
    "s3.example.com": "must begin with",
    "HTTP://host": "must begin with",
    "//host": "must begin with",
    "http://": "names no host",
    "http:///path": "names no host",
    "http://host name": "characters",
    "http://host\t": "characters",
    "http://h\u00f6st": "characters",
    "http://ho\\st": "characters",
    "http://under_score:9000": "no host",
    "http://-dash": "no host",
    "http://a..b": "no host",
    "http://" + "x" * 64: "no host",
    "http://[::1": "host is none",
    "http://[nothing]": "host",
    "http://127.0.0.1:99999": "port",
    "http://127.0.0.1:0": "port",
    "http://127.0.0.1:": "port",
    "http://127.0.0.1:http": "port",
    "http://host/?list-type=2": "query",
    "http://host/#there": "fragment",
    "http://host/a%20b": "percent",
    "http://host/a+b": "its path",
    "http://host/a//b": "its path",
    "http://host//": "its path",
    "http://host/a/../b": "its path",
    "http://me:hunter2@127.0.0.1:9000": "user name and password",
    "https://hunter2@host/path": "user name and password",
    "me:hunter2@host": "must begin with",
    "http://host?x=hunter2": "query",
    "localhost?x=hunter2": "must begin with",
}

SOURCES = {
    "OSS_ENDPOINT": {"OSS_ENDPOINT": "{}"},
    "AWS_ENDPOINT_URL": {"AWS_ENDPOINT_URL": "{}"},
    "AWS_ENDPOINT_URL_S3": {"AWS_ENDPOINT_URL_S3": "{}", "AWS_ENDPOINT_URL": "http://right"},
    "endpoint_url of the profile 'default'": {"config": "[default]\nendpoint_url = {}\n"},
    "endpoint_url of the profile 'default'#": {"credentials": "[default]\nendpoint_url = {}\n"},
    "endpoint_url of the profile 'other'": {"config": "[profile other]\nendpoint_url = {}\n", "AWS_PROFILE": "other"},
    "endpoint_url of s3 in the section [services mine]": {
        "config": "[default]\nservices = mine\n[services mine]\ns3 =\n  endpoint_url = {}\n"
    },
}


@pytest.mark.parametrize("url", WRONG_ENDPOINTS)
def test_an_endpoint_that_is_none_is_rejected_before_anything_is_sent(url):
    with pytest.raises(ConfigError, match=WRONG_ENDPOINTS[url]) as caught:
        Config(endpoint_url=url)
    assert str(caught.value).startswith("endpoint_url must ")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("url", ["localhost:9000", "http://me:hunter2@127.0.0.1:9", "http://a:99999", "http://a/?b"])
async def test_an_endpoint_is_rejected_wherever_it_was_set_and_the_source_is_named(
    surroundings, transport, source, url
):
    surroundings(**NAMED | {name: text.format(url) for name, text in SOURCES[source].items()})
    error = await rejection(transport=transport)
    assert str(error).startswith(f"{source.rstrip('#')} must ")
    assert "hunter2" not in str(error)


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_the_blocking_face_and_its_client_reject_the_same(surroundings, transport):
    surroundings(AWS_ENDPOINT_URL="localhost:9000", **NAMED)
    with aios3.sync.Session(transport=transport) as session:
        with pytest.raises(ConfigError, match="AWS_ENDPOINT_URL must begin with"):
            aios3.sync.exists("s3://bucket/key", session=session)
        with pytest.raises(ConfigError, match="AWS_ENDPOINT_URL must begin with"):
            aios3.sync.get_s3_client(session=session)


WRONG_VALUES = [
    ({"AWS_MAX_ATTEMPTS": "many"}, "AWS_MAX_ATTEMPTS must be a number from 1 on, not 'many'"),
    ({"AWS_MAX_ATTEMPTS": "0"}, "AWS_MAX_ATTEMPTS must be a number"),
    ({"config": "[default]\nmax_attempts = -1\n"}, "max_attempts of the profile 'default' must be a number"),
    ({"AWS_REQUEST_CHECKSUM_CALCULATION": "never"}, "AWS_REQUEST_CHECKSUM_CALCULATION must be 'when_supported' or"),
    ({"AWS_RESPONSE_CHECKSUM_VALIDATION": "1"}, "AWS_RESPONSE_CHECKSUM_VALIDATION must be 'when_supported' or"),
    ({"AWS_REGION": "not a region"}, "AWS_REGION must be the name of a region, such as 'eu-west-1'"),
    ({"AWS_PROFILE": "nosuch"}, "The profile 'nosuch' of AWS_PROFILE is in neither of the files"),
    ({"AWS_DEFAULT_PROFILE": "nosuch"}, "The profile 'nosuch' of AWS_DEFAULT_PROFILE is in neither"),
    ({"config": "[default]\nservices = none\n", "AWS_ENDPOINT_URL": ""}, "there is no section [services none]"),
    (
        {"config": "[default]\nregion =\n  a = 1\n", "AWS_DEFAULT_REGION": ""},
        "region of the profile 'default' must be one",
    ),
    ({"config": "aws_secret_access_key = hunter2\n"}, "config, line 1: this is no file of profiles"),
    ({"credentials": "[default]\nhunter2\n"}, "credentials, line 2: this is no file of profiles"),
    ({"credentials": "[default]\ns3 =\n  hunter2\n"}, "credentials: this is no file of profiles"),
    ({"config": "[default]\na=hunter2\n[default]\n"}, "config, line 3: this is no file of profiles"),
]


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize(("given", "text"), WRONG_VALUES)
async def test_what_makes_no_sense_is_rejected_with_its_source_and_no_secret(surroundings, transport, given, text):
    surroundings(**NAMED | {"AWS_ENDPOINT_URL": "http://127.0.0.1:1"} | given)
    error = await rejection(transport=transport, max_attempts=None)
    assert text in str(error)
    assert "hunter2" not in f"{error} {error.__cause__}"


AUTHORITIES = {
    "verify": {},
    "AWS_CA_BUNDLE": {"AWS_CA_BUNDLE": "{}"},
    "REQUESTS_CA_BUNDLE": {"REQUESTS_CA_BUNDLE": "{}"},
    "ca_bundle of the profile 'default'": {"config": "[default]\nca_bundle = {}\n"},
}


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("source", AUTHORITIES)
@pytest.mark.parametrize("kind", ["missing", "empty", "no PEM", "directory"])
@pytest.mark.parametrize("keys", ["environment", "chain"])
async def test_authorities_that_cannot_be_read_never_look_like_a_missing_object(
    surroundings, transport, source, kind, keys, tmp_path
):
    file = tmp_path / "ca.pem"
    {"missing": lambda: None, "empty": file.touch, "no PEM": lambda: file.write_text("x"), "directory": file.mkdir}[
        kind
    ]()
    given = {name: text.format(file) for name, text in AUTHORITIES[source].items()}
    if keys == "chain":
        given["credentials"] = "[default]\naws_access_key_id = a\naws_secret_access_key = b\n"
    surroundings(**given | (NAMED if keys == "environment" else {}))
    verify = str(file) if source == "verify" else True
    error = await rejection(transport=transport, verify=verify, endpoint_url="https://127.0.0.1:1")
    assert f"{source} names '{file}', which is no file of certificate authorities: " in str(error)
    assert not isinstance(error, (FileNotFoundError, ssl.SSLError))


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_an_argument_is_checked_without_tls_too(transport, tmp_path):
    options = {"endpoint_url": "http://127.0.0.1:1", "credentials": KEYS, "max_attempts": 1, "transport": transport}
    error = await rejection(verify=str(tmp_path), **options)
    assert f"verify names '{tmp_path}', which is no file of certificate authorities" in str(error)


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_an_invalid_ca_variable_does_not_break_plain_http(surroundings, transport, aios3_server, aios3_bucket):
    surroundings(AWS_CA_BUNDLE="/nowhere/ca.pem")
    async with aios3.Session(transport=transport, **aios3_server.config) as session:
        assert not await aios3.exists(f"{aios3_bucket}/key", session=session)


def test_only_the_files_that_exist_are_parsed(tmp_path):
    """The parser takes longer to import than all else takes, so most programs go without."""
    program = (
        "import os; from aios3 import Config; from aios3._settings import read_settings;"
        "read_settings(Config(), None, os.environ)"
    )
    config = tmp_path / "config"
    files = {"AWS_CONFIG_FILE": str(config), "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials")}
    assert "configparser" not in imported_by(program, **files)
    config.write_text("[default]\n")
    assert "configparser" in imported_by(program, **files)


def read(config=None, **environ):
    return read_settings(config or Config(), None, {"AWS_CONFIG_FILE": "", "AWS_SHARED_CREDENTIALS_FILE": ""} | environ)


@pytest.mark.parametrize(
    ("argument", "environ", "expected"),
    [
        (None, {}, 5),
        (None, {"AWS_MAX_ATTEMPTS": ""}, 5),
        (None, {"AWS_MAX_ATTEMPTS": "2"}, 2),
        (None, {"AWS_MAX_ATTEMPTS": "1000"}, 100),
        (7, {"AWS_MAX_ATTEMPTS": "2"}, 7),
        (7, {"AWS_MAX_ATTEMPTS": "many"}, 7),
    ],
)
def test_attempts_are_the_arguments_then_the_environments(argument, environ, expected):
    assert read(Config(max_attempts=argument), **environ).max_attempts == expected


@pytest.mark.parametrize(
    ("mode", "request_", "response", "expected"),
    [
        ("auto", "", "", ("auto", True)),
        ("auto", "when_supported", "", ("everywhere", True)),
        ("auto", "WHEN_SUPPORTED", "when_supported", ("everywhere", True)),
        ("auto", "when_required", "", ("off", True)),
        ("auto", "", "when_required", ("auto", False)),
        ("auto", "when_required", "when_required", ("off", False)),
        ("crc32", "when_required", "when_required", ("crc32", True)),
        ("crc64nvme", "when_required", "invalid", ("crc64nvme", True)),
        ("off", "when_supported", "when_supported", ("off", False)),
    ],
)
def test_checksums_are_the_arguments_then_the_environments(mode, request_, response, expected):
    environ = {"AWS_REQUEST_CHECKSUM_CALCULATION": request_, "AWS_RESPONSE_CHECKSUM_VALIDATION": response}
    assert read(Config(checksums=mode), **environ).checksums == expected
