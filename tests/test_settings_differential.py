"""Files, variables and arguments as botocore reads them: a few hundred surroundings, each read by both."""

from __future__ import annotations

import asyncio
import collections
import os
import random
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock
from urllib.parse import urlsplit

import botocore
import hypothesis
import pytest
from botocore.configprovider import BOTOCORE_DEFAUT_SESSION_VARIABLES, DEFAULT_S3_CONFIG_VARS
from botocore.exceptions import BotoCoreError
from hypothesis import strategies as st

from aios3 import Credentials
from aios3._boto import BotoBackend
from aios3._boto.boto3_clients import blocking_client
from aios3._boto.client_source import _aws_domains
from aios3._boto.provider_chain import ProviderChain
from aios3._credentials import credential_cache_of
from aios3._endpoints import address_of
from aios3._settings import read_settings
from aios3._static_settings import CHAIN_VARIABLES, HARMLESS_VARIABLES, STATIC_KEYS, resolve_statically
from aios3.errors import ConfigError
from aios3.errors import NoCredentialsError as NobodyError
from settings_oracle import BUCKETS, DECIDED, LOADER, READ_BY_US, Outcome, Surroundings, by_botocore, loader, of_client
from thorough import examples

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from aios3 import Config
    from aios3._backend import BucketAddress
    from aios3._settings import Settings

    Choose = Callable[[Sequence[Any]], Any]

KEYS = {"AWS_ACCESS_KEY_ID": "AKIDENVIRONMENT", "AWS_SECRET_ACCESS_KEY": "s"}

VARIABLES: list[Mapping[str, str]] = [
    {"AWS_REGION": "eu-west-2"},
    {"AWS_REGION": ""},
    {"AWS_DEFAULT_REGION": "us-east-1"},
    {"AWS_DEFAULT_REGION": "us-gov-west-1"},
    {"AWS_DEFAULT_REGION": "cn-north-1"},
    {"AWS_DEFAULT_REGION": "auto"},
    {"AWS_DEFAULT_REGION": ""},
    {"AWS_PROFILE": "other"},
    {"AWS_PROFILE": "default"},
    {"AWS_PROFILE": ""},
    {"AWS_DEFAULT_PROFILE": "other"},
    {"AWS_DEFAULT_PROFILE": ""},
    {"AWS_ENDPOINT_URL": "http://127.0.0.1:9000/base"},
    {"AWS_ENDPOINT_URL": "https://private.example"},
    {"AWS_ENDPOINT_URL": ""},
    {"AWS_ENDPOINT_URL_S3": "https://s3.private.example:8443"},
    {"AWS_ENDPOINT_URL_S3": "https://s3.eu-west-1.amazonaws.com"},
    {"AWS_ENDPOINT_URL_S3": "https://s3-accelerate.amazonaws.com"},
    {"OSS_ENDPOINT": "http://oss.example"},
    {"AWS_CA_BUNDLE": "{pem}"},
    {"AWS_CA_BUNDLE": ""},
    {"REQUESTS_CA_BUNDLE": "{other_pem}"},
    {"AWS_MAX_ATTEMPTS": "3"},
    {"AWS_MAX_ATTEMPTS": "1000"},
    {"AWS_MAX_ATTEMPTS": ""},
    {"AWS_RETRY_MODE": "adaptive"},
    {"AWS_REQUEST_CHECKSUM_CALCULATION": "when_required"},
    {"AWS_REQUEST_CHECKSUM_CALCULATION": "WHEN_SUPPORTED"},
    {"AWS_RESPONSE_CHECKSUM_VALIDATION": "when_required"},
    {"AWS_DEFAULTS_MODE": "in-region"},
    {"AWS_USE_FIPS_ENDPOINT": "true"},
    {"AWS_USE_FIPS_ENDPOINT": "false"},
    {"AWS_USE_DUALSTACK_ENDPOINT": "true"},
    {"AWS_S3_US_EAST_1_REGIONAL_ENDPOINT": "regional"},
    {"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"},
    {"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": ""},
    {"AWS_SESSION_TOKEN": "token"},
    {"AWS_ACCOUNT_ID": "123456789012"},
    {"AWS_ACCOUNT_ID_ENDPOINT_MODE": "required"},
    {"AWS_S3_USE_ARN_REGION": "true"},
    {"AWS_METADATA_SERVICE_TIMEOUT": "2"},
]

WRONG_VARIABLES: list[Mapping[str, str]] = [
    {"AWS_REGION": "not a region"},
    {"AWS_PROFILE": "nosuch"},
    {"AWS_ENDPOINT_URL": "localhost:9000"},
    {"AWS_MAX_ATTEMPTS": "some"},
    {"AWS_MAX_ATTEMPTS": "0"},
    {"AWS_REQUEST_CHECKSUM_CALCULATION": "sometimes"},
    {"AWS_RESPONSE_CHECKSUM_VALIDATION": "never"},
    {"AWS_DEFAULTS_MODE": "invalid"},
    {"AWS_S3_US_EAST_1_REGIONAL_ENDPOINT": "invalid"},
    {"AWS_ACCOUNT_ID_ENDPOINT_MODE": "invalid"},
    {"AWS_SECRET_ACCESS_KEY": ""},
]

SETTINGS = [
    "region = eu-west-3",
    "region = us-east-1",
    "region = us-isob-east-1",
    "region = mx-central-1",
    "Region = eu-north-1",
    "endpoint_url = http://127.0.0.1:9001/stored",
    "endpoint_url = https://stored.example",
    "endpoint_url =",
    "ca_bundle = {pem}",
    "ca_bundle = {other_pem}",
    "max_attempts = 7",
    "request_checksum_calculation = when_supported",
    "request_checksum_calculation = when_required",
    "response_checksum_validation = when_required",
    "services = mine",
    "services = mine",
    "s3 =\n  addressing_style = path",
    "s3 =\n  addressing_style = virtual",
    "s3 =\n  use_accelerate_endpoint = true",
    "s3 =\n  us_east_1_regional_endpoint = regional\n  addressing_style = virtual",
    "s3 =\n  use_dualstack_endpoint = true",
    "s3_us_east_1_regional_endpoint = regional",
    "defaults_mode = standard",
    "use_fips_endpoint = true",
    "use_dualstack_endpoint = true",
    "ignore_configured_endpoint_urls = true",
    "output = json",
    "retry_mode = standard",
    "aws_account_id = 123456789012",
    "unknown = 1",
]

WRONG_SETTINGS = [
    "max_attempts = none",
    "response_checksum_validation = invalid",
    "services = nosuch",
    "s3 =\n  addressing_style = invalid",
    "s3 = path",
    "defaults_mode = invalid",
]

HEADERS = ["default", "default", "profile default", "profile other", 'profile "other"', "DEFAULT", "profile one two"]
HEADERS_OF_CREDENTIALS = ["default", "default", "other", "profile default", "DEFAULT"]
SERVICES = [
    "[services mine]\ns3 =\n  endpoint_url = https://service.example\n",
    "[services mine]\nsts =\n  endpoint_url = https://sts.example\n",
    "[services mine]\ns3 = invalid\n",
]
BROKEN = ["region = outside", "[default", "[default]\nnonsense\n", "[default]\ns3 =\n  invalid\n"]

ARGUMENTS: list[Mapping[str, Any]] = [
    {"endpoint_url": "https://argument.example/base/"},
    {"endpoint_url": "http://127.0.0.1:9002"},
    {"region": "ap-southeast-2"},
    {"region": "us-east-1"},
    {"profile": "other"},
    {"profile": "default"},
    {"credentials": Credentials("AKIDARGUMENT", "s")},
    {"credentials": "anonymous"},
    {"addressing_style": "path"},
    {"addressing_style": "virtual"},
    {"verify": False},
    {"verify": "{pem}"},
    {"max_attempts": 9},
    {"checksums": "crc32"},
    {"checksums": "off"},
]


def surroundings(choose: Choose) -> Surroundings:
    """Make some surroundings, by a function that chooses one of several."""
    variables: dict[str, str] = dict(KEYS) if choose([True, True, True, False]) else {}
    for _ in range(choose([0, 1, 1, 2, 3])):
        variables |= choose(choose([*[VARIABLES] * 30, WRONG_VARIABLES]))
    arguments: dict[str, Any] = {}
    for _ in range(choose([0, 0, 1, 2])):
        arguments |= choose(ARGUMENTS)
    config = _file(choose, HEADERS, "AKIDCONFIG") + choose(["", *SERVICES])
    credentials = _file(choose, HEADERS_OF_CREDENTIALS, "AKIDFILE")
    if choose([False] * 30 + [True]):
        config = choose(BROKEN)
    return Surroundings(config, credentials, variables, arguments)


def _line(choose: Choose) -> str:
    return str(choose(choose([*[SETTINGS] * 30, WRONG_SETTINGS])))


def _file(choose: Choose, headers: Sequence[str], key: str) -> str:
    sections = {}
    for number in range(choose([0, 1, 1, 2])):
        lines = {line.split("=")[0].strip().lower(): line for line in (_line(choose) for _ in range(choose([1, 2])))}
        if choose([True, False]):
            lines["keys"] = f"aws_access_key_id = {key}{number}\naws_secret_access_key = s"
        sections[choose(headers)] = "\n".join(lines.values())
    return "".join(f"[{header}]\n{text}\n" for header, text in sections.items())


@pytest.fixture(scope="session")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with two files of authorities, in which the surroundings are written."""
    made = tmp_path_factory.mktemp("surroundings")
    text = (Path(botocore.__file__).parent / "cacert.pem").read_text()
    first, second, *_ = [f"{each}-----END CERTIFICATE-----\n" for each in text.split("-----END CERTIFICATE-----")]
    (made / "a.pem").write_text(first)
    (made / "b.pem").write_text(second)
    return made


def theirs(there: Surroundings, directory: Path) -> Outcome | None:
    """Return what botocore does; None where it rejects."""
    try:
        return by_botocore(there, directory)
    except (BotoCoreError, ValueError, AttributeError):
        return None


def ours(there: Surroundings, directory: Path) -> dict[str, Outcome | None]:
    """Return what aios3 does over each road; None where it rejects with an error of settings."""
    with there.entered(directory):
        found: dict[str, Outcome | None] = {}
        for road, walk in (("plain", _plainly), ("aiobotocore", _through_aiobotocore), ("client", _as_client)):
            try:
                config = there.our_config(directory).with_environment()
                found[road] = walk(config, read_settings(config, None, os.environ))
            except (ConfigError, NobodyError):
                found[road] = None
            except BotoCoreError:
                if road != "client":  # whose errors are botocore's once it is made
                    raise
                found[road] = None
            except _NotTakenError:
                pass
        return found


class _NotTakenError(Exception):
    """The road is not one for these surroundings."""


def _plainly(config: Config, settings: Settings) -> Outcome:
    plain = resolve_statically(config, settings, os.environ)
    if plain is None:
        raise _NotTakenError
    return _outcome(settings, [address_of(plain, bucket).url for bucket in BUCKETS], plain.region, plain.credentials)


def _through_aiobotocore(config: Config, settings: Settings) -> Outcome:
    async def ask() -> tuple[list[BucketAddress], Credentials | None, Any]:
        backend = BotoBackend(config, None, asyncio.Semaphore(1))
        try:
            addresses = [await backend.address_of(bucket) for bucket in BUCKETS]
            return addresses, (await backend._credential_cache.get()).credentials, await backend.raw_client()
        finally:
            await backend.aclose()

    addresses, credentials, client = asyncio.run(ask())
    outcome = _outcome(settings, [each.url for each in addresses], addresses[0].region, credentials)
    verify = client._endpoint.http_session._verify
    return replace(outcome, verify=None if outcome.verify is None else verify)


def _as_client(config: Config, settings: Settings) -> Outcome:
    credential_cache = credential_cache_of(config, ProviderChain(config, None).ask)
    with mock.patch("botocore.session.create_loader", loader):
        return of_client(blocking_client(config, settings, lambda: asyncio.run(credential_cache.get()).credentials))


def _outcome(settings: Settings, urls: list[str], region: str, credentials: Credentials | None) -> Outcome:
    return Outcome(
        urls=tuple(urls),
        region=region,
        access_key=credentials and credentials.access_key,
        verify=settings.ca_bundle.verify if urls[0].startswith("https://") else None,
        attempts=settings.max_attempts,
        sends_checksums={"auto": None, "off": False}.get(settings.checksums.mode, True),
        compares_checksums=settings.checksums.verify,
    )


def compare(there: Surroundings, directory: Path) -> set[str]:
    """Have both read the surroundings, and return which roads of ours are taken there."""
    expected, found = theirs(there, directory), ours(there, directory)
    for road, outcome in found.items():
        wanted = expected
        if road == "client" and expected is not None and expected.sends_checksums is None:
            host = f".{urlsplit(expected.urls[0]).hostname}"
            wanted = replace(expected, sends_checksums=host.endswith(AMAZON_DOMAINS))  # as its session does
        assert _reachable(outcome) == _reachable(wanted), f"{road} in {there}"
    return {road for road, outcome in found.items() if outcome is not None}


def _reachable(outcome: Outcome | None) -> Outcome | None:
    """Put a dotted bucket into the path that botocore would put before an IP address, where nobody could find it."""
    pattern = r"http://bu\.cket\.(127\.0\.0\.1:\d+)((?:/\w+)*)/?"
    return outcome and replace(
        outcome, urls=tuple(re.sub(pattern, r"http://\1\2/bu.cket", url) for url in outcome.urls)
    )


AMAZON_DOMAINS = _aws_domains(LOADER.load_data("partitions"))
COUNT = 320


def made(number: int) -> Surroundings:
    return surroundings(random.Random(number).choice)


NAMED = {
    "an endpoint in the credentials file": Surroundings(credentials="[default]\nendpoint_url = http://private:9000\n"),
    "an endpoint in [profile default]": Surroundings("[profile default]\nendpoint_url = https://private.example\n"),
    "[default] after [profile default]": Surroundings("[profile default]\nregion=eu-west-1\n[default]\noutput=json\n"),
    "a region in the credentials file": Surroundings("[default]\nregion = a\n", "[default]\nregion = eu-west-3\n"),
    "authorities in the credentials file": Surroundings(credentials="[default]\nca_bundle = {pem}\n"),
    "a style in the credentials file": Surroundings(credentials="[default]\ns3 =\n  addressing_style = path\n"),
    "a services section": Surroundings("[default]\nservices = mine\n" + SERVICES[0]),
    "authorities of requests": Surroundings(variables={"REQUESTS_CA_BUNDLE": "{pem}"}),
    "authorities of requests and of the profile": Surroundings(
        "[default]\nca_bundle = {other_pem}\n", variables={"REQUESTS_CA_BUNDLE": "{pem}"}
    ),
    "a mode of defaults": Surroundings(variables={"AWS_DEFAULTS_MODE": "in-region"}),
    "no files at all": Surroundings(variables={"AWS_DEFAULT_REGION": "eu-west-1"}),
    "an empty profile": Surroundings(variables={"AWS_PROFILE": "", "AWS_DEFAULT_REGION": "eu-west-1"}),
    "a profile of the environment under keys": Surroundings(
        "[profile other]\nregion = eu-west-3\naws_access_key_id = AKIDOTHER\naws_secret_access_key = s\n",
        variables={"AWS_PROFILE": "other"},
    ),
    "a profile that is an argument": Surroundings(
        "[profile other]\naws_access_key_id = AKIDOTHER\naws_secret_access_key = s\n", arguments={"profile": "other"}
    ),
}


@pytest.mark.parametrize("keys", ["environment", "file"])
@pytest.mark.parametrize("name", NAMED)
def test_what_was_different_once_is_the_same(name, keys, directory):
    there = NAMED[name]
    if keys == "environment":
        there = replace(there, variables=KEYS | there.variables)
    else:
        stored = "aws_access_key_id = AKIDFILE\naws_secret_access_key = s\n"
        there = replace(there, credentials=(there.credentials or "[default]\n") + stored)
    assert compare(there, directory) >= {"aiobotocore", "client"}


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"endpoint_url": "http://127.0.0.1:9000"},
        {"endpoint_url": "https://private.example", "addressing_style": "virtual"},
    ],
)
@pytest.mark.parametrize("told", ["argument", "variable", "file"])
@pytest.mark.parametrize(
    "region",
    ["aws-global", "fips-us-east-1", "us-west-2-fips", "us-gov-west-1-fips", "fips-aws-global", "auto"],
)
def test_a_region_that_stands_for_another_one_is_signed_for_as_by_botocore(told, region, arguments, directory):
    there = {
        "argument": Surroundings(variables=KEYS, arguments=arguments | {"region": region}),
        "variable": Surroundings(variables=KEYS | {"AWS_DEFAULT_REGION": region}, arguments=arguments),
        "file": Surroundings(f"[default]\nregion = {region}\n", variables=KEYS, arguments=arguments),
    }
    assert compare(there[told], directory) >= {"aiobotocore", "client"}


@pytest.mark.parametrize("number", range(COUNT))
def test_everywhere_both_do_the_same(number, directory):
    compare(made(number), directory)


def test_every_road_is_taken_often_and_botocore_rejects_at_times(directory):
    """Otherwise little would be compared."""
    roads = collections.Counter(str(road) for number in range(40) for road in compare(made(number), directory))
    assert set(roads) == {"plain", "aiobotocore", "client"}
    assert min(roads.values()) >= 4
    assert 20 <= roads["aiobotocore"] < 40


READ_ELSEWHERE = {"AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"}


@pytest.mark.parametrize("name", sorted(BOTOCORE_DEFAUT_SESSION_VARIABLES | DEFAULT_S3_CONFIG_VARS))
def test_all_that_botocore_reads_is_read_too_or_asks_for_botocore_or_changes_nothing(name):
    """A release of botocore that reads something more fails here, until somebody has decided what it is."""
    known = BOTOCORE_DEFAUT_SESSION_VARIABLES | {f"s3/{key}": value for key, value in DEFAULT_S3_CONFIG_VARS.items()}
    stored, variables, *_ = known.get(name) or known[f"s3/{name}"]
    for variable in [variables] if isinstance(variables, str) else variables or []:
        of_chain = variable in CHAIN_VARIABLES
        assert of_chain + (variable in HARMLESS_VARIABLES) + (variable in READ_BY_US | READ_ELSEWHERE) == 1, variable
        if isinstance(stored, str):
            assert (stored in STATIC_KEYS) != of_chain, stored


def test_each_decided_difference_stands_in_the_guide():
    text = (Path(__file__).parents[1] / "docs" / "guide" / "configuration.md").read_text()
    assert [name for name in DECIDED if f"\n| {name} |" not in text] == []


@hypothesis.given(data=st.data())
@hypothesis.settings(max_examples=examples(40), suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture])
def test_everywhere_else_both_do_the_same(directory, data):
    compare(surroundings(lambda choices: data.draw(st.sampled_from(choices))), directory)
