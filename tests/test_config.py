"""Settings: what is wrong is rejected when it is said, nothing secret is shown, arguments go before the environment."""

from __future__ import annotations

import ast
import copy
import dataclasses
import datetime as dt
import inspect
import itertools
import math
import pickle

import pytest

import aios3
from aios3 import Config, Credentials
from aios3._config import KIB, MIB, ConfigOptions
from aios3.errors import ConfigError

GIB = 1024 * MIB
SETTINGS = {field.name for field in dataclasses.fields(Config)}


def test_the_defaults_are_allowed_and_documented_values():
    config = Config()
    assert config.memory_budget == 256 * MIB
    assert (config.block_size, config.request_size, config.part_size) == (1 * MIB, 8 * MIB, 8 * MIB)
    assert (config.max_concurrency, config.max_attempts) == (32, None)
    assert (config.connect_timeout, config.read_timeout) == (10.0, 60.0)
    assert (config.checksums, config.addressing_style, config.verify) == ("auto", "auto", True)
    unset = ("endpoint_url", "region", "profile", "credentials")
    assert [getattr(config, name) for name in unset] == [None] * 4


@pytest.mark.parametrize("cls", [Config, Credentials])
def test_every_field_is_described(cls):
    """Each in a docstring beneath it, or by its name in the docstring of the class."""
    body = ast.parse(inspect.getsource(cls)).body[0].body
    described = {
        field.target.id
        for field, below in itertools.pairwise(body)
        if isinstance(field, ast.AnnAssign) and isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant)
    }
    if cls is Config:
        assert described == SETTINGS
    else:
        assert "``expires_at``" in cls.__doc__


def test_the_keyword_arguments_are_the_fields():
    assert set(ConfigOptions.__annotations__) == SETTINGS
    types = {field.name: field.type for field in dataclasses.fields(Config)}
    assert {name: hint.__forward_arg__ for name, hint in ConfigOptions.__annotations__.items()} == types


# The least and the most of each number, with what else must change so that they fit together.
BOUNDS = [
    ("target_throughput_gbps", 0.1, 4_000, {}),
    ("max_concurrency", 1, 10_000, {}),
    ("max_requests_per_second", 0.01, 1_000_000, {}),
    ("block_size", 4 * KIB, 64 * MIB, {"request_size": 64 * MIB}),
    ("request_size", 4 * KIB, 5 * GIB, {"block_size": 4 * KIB, "memory_budget": 1024 * GIB}),
    ("part_size", 5 * MIB, 5 * GIB, {"memory_budget": 1024 * GIB}),
    ("memory_budget", 16 * MIB, 2**63, {}),
    ("max_attempts", 1, 100, {}),
    ("connect_timeout", 0.001, 86_400, {}),
    ("read_timeout", 0.001, 86_400.0, {}),
]


@pytest.mark.parametrize(("name", "least", "most", "others"), BOUNDS)
def test_bounds(name, least, most, others):
    for allowed in (least, most):
        assert getattr(Config(**others | {name: allowed}), name) == allowed
    step = 1 if isinstance(least, int) else 0.0005
    for rejected in (least - step, most + 1, 0, -1):
        with pytest.raises(ConfigError, match=f"^{name} .*must"):
            Config(**others | {name: rejected})


TARGETS = [
    ({}, 32),
    ({"target_throughput_gbps": 0.1}, 1),
    ({"target_throughput_gbps": 4}, 10),
    ({"target_throughput_gbps": 4.1}, 11),
    ({"target_throughput_gbps": 100}, 250),
    ({"target_throughput_gbps": 4_000}, 10_000),
    ({"target_throughput_gbps": 100, "max_concurrency": 32}, 32),
    ({"max_concurrency": 5}, 5),
]


@pytest.mark.parametrize(("settings", "requests"), TARGETS)
def test_the_target_sets_how_many_requests_are_in_flight_unless_the_caller_does(settings, requests):
    config = Config(**settings)
    assert config.max_concurrency == requests
    assert config.with_options(**settings) == config.with_options(block_size=MIB) == config
    assert pickle.loads(pickle.dumps(config)) == config
    chosen = "max_concurrency" in settings
    assert config.with_options(target_throughput_gbps=40).max_concurrency == (requests if chosen else 100)


@pytest.mark.parametrize("value", [True, False, "8", None, b"8", [8], 8j])
@pytest.mark.parametrize("name", [name for name, *_ in BOUNDS])
def test_a_number_is_needed(name, value):
    if value is None and name in {"max_attempts", "max_requests_per_second"}:
        pytest.skip("None is its default")
    with pytest.raises(ConfigError, match=f"^{name} must be a number"):
        Config(**{name: value})


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("name", ["connect_timeout", "read_timeout", "target_throughput_gbps"])
def test_a_timeout_and_a_rate_are_finite(name, value):
    with pytest.raises(ConfigError, match=f"^{name} must be between"):
        Config(**{name: value})


FRACTIONS = ("_timeout", "_gbps", "_requests_per_second")


@pytest.mark.parametrize("name", [name for name, *_ in BOUNDS if not name.endswith(FRACTIONS)])
def test_only_seconds_and_rates_may_be_broken(name):
    with pytest.raises(ConfigError, match=f"^{name} must be a number"):
        Config(**{name: float(getattr(Config(), name) or 5)})


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"block_size": 9 * MIB}, r"request_size \(8,388,608\) must not be smaller than block_size \(9,437,184\)"),
        ({"memory_budget": 16 * MIB - 1}, r"at least 16,777,216"),
        ({"part_size": 129 * MIB}, r"memory_budget \(268,435,456\) must be at least 270,532,608"),
        ({"request_size": 129 * MIB}, r"memory_budget \(268,435,456\) must be at least 270,532,608"),
    ],
)
def test_sizes_that_contradict_each_other(settings, message):
    with pytest.raises(ConfigError, match=message):
        Config(**settings)


@pytest.mark.parametrize("name", ["addressing_style", "checksums"])
@pytest.mark.parametrize("value", [None, "", "AUTO", True, ["auto"], "none"])
def test_a_choice_is_one_of_few(name, value):
    with pytest.raises(ConfigError, match=f"^{name} must be one of 'auto', "):
        Config(**{name: value})


@pytest.mark.parametrize(
    ("name", "values"),
    [("addressing_style", ["auto", "path", "virtual"]), ("checksums", ["auto", "crc64nvme", "crc32", "off"])],
)
def test_all_choices(name, values):
    assert [getattr(Config(**{name: value}), name) for value in values] == values


@pytest.mark.parametrize("url", ["", "localhost:9000", "s3.example.com", "ftp://x", "HTTP://x", " http://x"])
def test_an_endpoint_is_an_address_of_the_web(url):
    with pytest.raises(ConfigError, match=r"endpoint_url must begin with 'http://' or 'https://'"):
        Config(endpoint_url=url)


@pytest.mark.parametrize("url", ["http://AKIA:hunter2@localhost:9000", "https://hunter2@localhost/path"])
def test_an_endpoint_carries_no_credentials(url):
    with pytest.raises(ConfigError, match="no user name and password") as caught:
        Config(endpoint_url=url)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["http://localhost:9000", "https://s3.example.com/a_b/c~d", "https://[::1]:9000/", "http://h.example:1/"]
)
def test_other_endpoints(url):
    assert Config(endpoint_url=url).endpoint_url == url


@pytest.mark.parametrize("name", ["endpoint_url", "region", "profile"])
@pytest.mark.parametrize("value", [5, b"http://x", True, ["http://x"]])
def test_a_text_is_needed(name, value):
    with pytest.raises(ConfigError, match=f"^{name} must be a text"):
        Config(**{name: value})


@pytest.mark.parametrize("value", [None, 0, 1, "", b"ca.pem", ["ca.pem"]])
def test_certificates_are_not_left_unchecked_by_mistake(value):
    with pytest.raises(ConfigError, match=r"^verify must be"):
        Config(verify=value)


def test_all_ways_to_check_certificates():
    assert [Config(verify=value).verify for value in (True, False, "ca.pem")] == [True, False, "ca.pem"]


async def fetch() -> Credentials:
    return Credentials("AKIA", "hunter2")


def make() -> Credentials:
    return Credentials("AKIA", "hunter2")


@pytest.mark.parametrize("value", [None, "anonymous", Credentials("AKIA", "hunter2"), make, fetch])
def test_whom_to_be(value):
    assert Config(credentials=value).credentials is value


@pytest.mark.parametrize(
    "value", ["anonymus", "", ("AKIA", "hunter2"), {"access_key": "hunter2"}, 5, False, b"hunter2"]
)
def test_invalid_credentials_are_rejected_without_showing_them(value):
    with pytest.raises(ConfigError, match=r"^credentials must be") as caught:
        Config(credentials=value)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(("access_key", "secret_key"), [("", "hunter2"), ("AKIA", ""), ("", ""), (None, "hunter2")])
def test_credentials_are_whole(access_key, secret_key):
    with pytest.raises(ConfigError, match="need an access key and a secret key") as caught:
        Credentials(access_key, secret_key)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("value", [1, b"hunter2", ["hunter2"], 1.5, "hunter2\udcff"])
@pytest.mark.parametrize("name", ["access_key", "secret_key", "session_token", "expires_at"])
def test_a_key_that_cannot_sign_is_rejected_by_its_name(name, value):
    with pytest.raises(ConfigError, match=rf"^Credentials\.{name} ") as caught:
        Credentials(**{"access_key": "AKIA", "secret_key": "hunter1", name: value})
    assert "hunter" not in str(caught.value)


def test_a_moment_has_a_time_zone():
    moment = dt.datetime(2030, 1, 1, tzinfo=dt.UTC)
    assert Credentials("AKIA", "hunter2", expires_at=moment).expires_at == moment
    with pytest.raises(ConfigError, match="needs a time zone"):
        Credentials("AKIA", "hunter2", expires_at=moment.replace(tzinfo=None))


def test_nothing_secret_is_shown():
    credentials = Credentials("AKIA", "hunter2", "hunter3")
    config = Config(credentials=credentials)
    session = aios3.Session(config)
    for value in (credentials, config, session, [config], config.with_options(region="x")):
        for shown in (repr(value), str(value), f"{value}"):
            assert "hunter" not in shown
    assert "AKIA" in repr(credentials)
    assert "credentials" not in repr(Config(credentials=make))


def test_unknown_settings_are_rejected_with_the_names_of_the_known_ones():
    for wrong in (lambda: Config().with_options(regio="x"), lambda: aios3.Session(regio="x")):
        with pytest.raises(ConfigError, match="Unknown setting 'regio'") as caught:
            wrong()
        assert all(name in str(caught.value) for name in SETTINGS)
    with pytest.raises(ConfigError, match="Unknown setting 'a', 'b'"):
        Config().with_options(b=1, a=2, region="x")


def test_a_copy_with_other_settings():
    config = Config(region="one", part_size=16 * MIB)
    changed = config.with_options(region="two", max_attempts=1)
    assert (config.region, config.max_attempts) == ("one", None)
    assert (changed.region, changed.max_attempts, changed.part_size) == ("two", 1, 16 * MIB)
    assert changed.with_options() == changed
    with pytest.raises(ConfigError):
        config.with_options(max_attempts=0)


def test_settings_are_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Config().region = "x"
    with pytest.raises(dataclasses.FrozenInstanceError):
        Credentials("AKIA", "hunter2").secret_key = "x"


ELSEWHERE = {"OSS_ENDPOINT": "http://oss", "AWS_ENDPOINT_URL_S3": "http://aws", "AWS_ENDPOINT_URL": "http://aws"}


@pytest.mark.parametrize(
    ("argument", "environment", "expected"),
    [
        (None, {}, None),
        (None, {"OSS_ENDPOINT": ""}, None),
        (None, {"AWS_ENDPOINT_URL": "http://aws"}, None),  # left to botocore's chain
        (None, ELSEWHERE, "http://oss"),
        ("http://mine", ELSEWHERE, "http://mine"),
        ("http://mine", {}, "http://mine"),
    ],
)
def test_where_the_endpoint_comes_from(argument, environment, expected, monkeypatch):
    config = Config(endpoint_url=argument, region="x")
    assert config.with_environment(environment) == Config(endpoint_url=expected, region="x")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert config.with_environment().endpoint_url == expected


def test_an_endpoint_from_the_environment_is_checked():
    with pytest.raises(ConfigError, match="localhost:9000"):
        Config().with_environment({"OSS_ENDPOINT": "localhost:9000"})


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value))])
def test_settings_survive_copying_and_pickling(again):
    moment = dt.datetime(2030, 1, 1, tzinfo=dt.UTC)
    config = Config(region="x", credentials=Credentials("AKIA", "hunter2", "token", moment), verify="ca.pem")
    assert again(config) == config
    assert hash(again(config)) == hash(config)
    assert again(Config(credentials=fetch)).credentials is fetch
    session = again(aios3.Session(config))
    assert session.config == config


@pytest.mark.parametrize("value", [-0.1, 1.5, "0.1", True, float("nan")])
def test_hedging_is_a_fraction(value):
    with pytest.raises(ConfigError, match="hedging must be between 0 and 1"):
        Config(hedging=value)


def test_hedging_can_be_switched_off():
    assert (Config(hedging=None).hedging, Config(hedging=0).hedging) == (None, 0)


@pytest.mark.parametrize("name", ["tls_timeout", "first_byte_timeout"])
def test_a_time_that_may_be_left_open_is_checked_otherwise(name):
    assert getattr(Config(), name) is None
    assert getattr(Config(**{name: 0.5}), name) == 0.5
    for value in (0, -1, float("inf"), "1", True):
        with pytest.raises(ConfigError, match=f"^{name} must be"):
            Config(**{name: value})
