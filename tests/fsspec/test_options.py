"""What users of s3fs type as storage options is heeded, or rejected at once by name."""

from __future__ import annotations

import importlib.metadata
import pickle
import subprocess
import sys

import pytest
from botocore import UNSIGNED

import aios3
import fsspec
from aios3.fsspec import S3FileSystem, register
from aios3.fsspec.options import MIB, NAMES, settings_of, writer_options

MINE = {"key": "AKIA", "secret": "nobody-may-see"}


def config_of(**options):
    return settings_of(options, None).config


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"anon": True}, {"credentials": "anonymous"}),
        ({"anon": True, **MINE}, {"credentials": "anonymous"}),
        (MINE, {"credentials": aios3.Credentials("AKIA", "nobody-may-see")}),
        ({**MINE, "token": "t"}, {"credentials": aios3.Credentials("AKIA", "nobody-may-see", "t")}),
        ({"username": "u", "password": "p"}, {"credentials": aios3.Credentials("u", "p")}),
        (
            {"client_kwargs": {"aws_access_key_id": "a", "aws_secret_access_key": "b", "aws_session_token": "c"}},
            {"credentials": aios3.Credentials("a", "b", "c")},
        ),
        (
            {"endpoint_url": "http://a:1", "client_kwargs": {"endpoint_url": "http://b:2"}},
            {"endpoint_url": "http://a:1"},
        ),
        ({"client_kwargs": {"endpoint_url": "http://b:2", "region_name": "eu-x-1"}}, {"region": "eu-x-1"}),
        ({"client_kwargs": {"verify": "ca.pem"}}, {"verify": "ca.pem"}),
        ({"client_kwargs": {"verify": False}}, {"verify": False}),
        ({"use_ssl": False, "endpoint_url": "http://a:1"}, {"endpoint_url": "http://a:1"}),
        ({"requester_pays": True}, {"request_payer": "requester"}),
        ({"s3_additional_kwargs": {"RequestPayer": "requester"}}, {"request_payer": "requester"}),
        ({"s3_additional_kwargs": {"ExpectedBucketOwner": "123456789012"}}, {"expected_bucket_owner": "123456789012"}),
        ({"profile": "p"}, {"profile": "p"}),
        ({"max_concurrency": 1}, {"max_concurrency": 1}),
        ({"config_kwargs": {"max_pool_connections": 7}}, {"max_concurrency": 7}),
        ({"config_kwargs": {"connect_timeout": 3, "read_timeout": 4.5}}, {"connect_timeout": 3, "read_timeout": 4.5}),
        ({"config_kwargs": {"retries": {"max_attempts": 3, "mode": "standard"}}}, {"max_attempts": 4}),
        ({"config_kwargs": {"retries": {"total_max_attempts": 3}}}, {"max_attempts": 3}),
        ({"config_kwargs": {"s3": {"addressing_style": "virtual"}}}, {"addressing_style": "virtual"}),
        ({"config_kwargs": {"s3": {"payload_signing_enabled": False}}}, {"payload_signing": "never"}),
        ({"config_kwargs": {"signature_version": "s3v4"}}, {"credentials": None}),
        ({"config_kwargs": {"request_checksum_calculation": "when_required"}}, {"checksums": "off"}),
        ({"config_kwargs": {"region_name": "eu-x-1"}}, {"region": "eu-x-1"}),
        ({"default_block_size": 50 * MIB}, {"part_size": 50 * MIB, "request_size": 50 * MIB}),
        ({"default_block_size": 64 * 1024}, {"part_size": 5 * MIB, "request_size": 64 * 1024}),
        ({"s3_additional_kwargs": {"ChecksumAlgorithm": "CRC32"}}, {"checksums": "crc32"}),
        ({"s3_additional_kwargs": {"ChecksumAlgorithm": "CRC64NVME"}}, {"checksums": "crc64nvme"}),
        (
            {
                "s3_additional_kwargs": {"ChecksumAlgorithm": "CRC32"},
                "config_kwargs": {"request_checksum_calculation": "when_required"},
            },
            {"checksums": "crc32"},
        ),
        ({"fixed_upload_size": True, "local_expiry_check": True, "cache_regions": True}, {"part_size": 8 * MIB}),
    ],
    ids=str,
)
def test_an_option_becomes_a_setting(options, expected):
    config = config_of(**options)
    assert {name: getattr(config, name) for name in expected} == expected


def test_botocores_constant_is_anonymous():
    assert config_of(config_kwargs={"signature_version": UNSIGNED}).credentials == "anonymous"


def test_every_option_of_s3fs_is_known():
    """The names of s3fs 2026.9 and of fsspec, as in their signatures."""
    theirs = (
        "anon endpoint_url key secret token use_ssl client_kwargs requester_pays default_block_size default_fill_cache "
        "default_cache_type version_aware config_kwargs s3_additional_kwargs session username password cache_regions "
        "asynchronous loop max_concurrency fixed_upload_size local_expiry_check use_listings_cache "
        "listings_expiry_time max_paths batch_size skip_instance_cache profile"
    )
    assert set(theirs.split()) == NAMES


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"endpoint": "http://a:1"}, TypeError, "'endpoint'.*endpoint_url"),
        ({"anon": "yes"}, TypeError, "anon must be bool"),
        ({"key": 5}, TypeError, "key must be str"),
        ({"max_concurrency": "10"}, TypeError, "max_concurrency must be int"),
        ({"max_concurrency": True}, TypeError, "max_concurrency must be int"),
        ({"client_kwargs": "x"}, TypeError, "client_kwargs must be Mapping"),
        ({"listings_expiry_time": "5"}, TypeError, "listings_expiry_time"),
        ({"default_block_size": 1.5}, TypeError, "default_block_size must be int"),
        ({"client_kwargs": {"region": "x"}}, ValueError, "client_kwargs has unknown 'region'.*region_name"),
        ({"s3_additional_kwargs": {"ChecksumAlgorithm": "SHA256"}}, ValueError, "'CRC32' or 'CRC64NVME', not 'SHA256'"),
        ({"config_kwargs": {"proxies": {}}}, ValueError, "config_kwargs has unknown 'proxies'"),
        ({"config_kwargs": {"signature_version": "s3"}}, ValueError, "signature_version"),
        ({"config_kwargs": {"retries": 3}}, ValueError, "retries must be a mapping"),
        ({"config_kwargs": {"s3": {"use_accelerate_endpoint": True}}}, ValueError, "addressing_style"),
        ({"config_kwargs": {"request_checksum_calculation": "never"}}, ValueError, "when_required"),
        ({"s3_additional_kwargs": {"ServerSideEncription": "AES256"}}, ValueError, "ServerSideEncription"),
        ({"s3_additional_kwargs": {"SSECustomerKey": "short"}}, ValueError, "32 bytes"),
        ({"key": "a", "username": "b"}, ValueError, "key or username, not both"),
        ({"key": "a", "client_kwargs": {"aws_access_key_id": "b"}}, ValueError, "not both"),
        ({"password": "a", "client_kwargs": {"aws_secret_access_key": "b"}}, ValueError, "not both"),
        ({"token": "a", "client_kwargs": {"aws_session_token": "b"}}, ValueError, "not both"),
        ({"secret": "a", "password": "b"}, ValueError, "secret or password, not both"),
        ({"key": "a"}, ValueError, "key and secret"),
        ({"token": "t"}, ValueError, "key and secret"),
        ({"use_ssl": False}, ValueError, "use_ssl=False needs endpoint_url"),
        ({"endpoint_url": "localhost:9000"}, ValueError, "endpoint_url"),
        ({"default_cache_type": "magic"}, ValueError, "Unknown cache_type 'magic'.*readahead"),
        ({"session": object()}, OSError, "session of aiobotocore"),
    ],
    ids=lambda value: repr(value) if isinstance(value, (str, type)) else None,
)
def test_what_cannot_be_meant_is_rejected_at_once_by_name(options, error, words):
    with pytest.raises(error, match=f"(?s){words}"):
        S3FileSystem(**options, skip_instance_cache=True)


def test_parameters_of_a_write_become_options():
    assert writer_options(
        {
            "ContentType": "a/b",
            "Metadata": {"n": "v"},
            "Tagging": "a=1&b=",
            "ACL": "",
            "SSECustomerKey": "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
            "SSECustomerAlgorithm": "AES256",
        }
    ) == {
        "content_type": "a/b",
        "metadata": {"n": "v"},
        "tags": {"a": "1", "b": ""},
        "sse_customer_key": b"01234567890123456789012345678901",
    }


def test_the_class_attribute_of_block_sizes_is_heeded_as_in_s3fs():
    class Large(S3FileSystem):
        default_block_size = 16 * MIB

    fs = Large(**MINE, skip_instance_cache=True)
    assert fs.default_block_size == fs.blocksize == 16 * MIB
    assert fs._settings.config.part_size == 16 * MIB


SAME_TOKEN = """
import pickle, sys
from aios3.fsspec import S3FileSystem
fs = pickle.loads(bytes.fromhex(sys.argv[1]))
print(fs.__dask_tokenize__(), fs == S3FileSystem(key="AKIA", secret="nobody-may-see"), fs.secret)
"""


def test_a_pickle_carries_the_settings_and_the_token_is_the_same_in_every_process():
    fs = S3FileSystem(**MINE)
    shown = subprocess.run(
        [sys.executable, "-c", SAME_TOKEN, pickle.dumps(fs).hex()], check=True, capture_output=True, text=True
    ).stdout
    assert shown.split() == [fs.__dask_tokenize__(), "True", "nobody-may-see"]


@pytest.mark.parametrize("more", [{"secret": "other"}, {"token": "t"}, {"skip_instance_cache": True}, {"anon": False}])
def test_secrets_and_defaults_leave_the_token_as_it_is(more):
    ours, other = S3FileSystem(**MINE), S3FileSystem(**{**MINE, **more})
    assert ours.__dask_tokenize__() == other.__dask_tokenize__()
    assert (ours == other, hash(ours) == hash(other)) == (True, True)


@pytest.mark.parametrize(
    "more", [{"key": "B"}, {"endpoint_url": "http://a:1"}, {"anon": True}, {"version_aware": True}]
)
def test_other_settings_have_another_token(more):
    ours, other = S3FileSystem(**MINE), S3FileSystem(**{**MINE, **more})
    assert ours.__dask_tokenize__() != other.__dask_tokenize__()
    assert ours != other


def test_equal_options_give_one_instance():
    assert S3FileSystem(**MINE) is S3FileSystem(**MINE)
    assert S3FileSystem(**MINE) is not S3FileSystem(**MINE, skip_instance_cache=True)
    assert S3FileSystem(key="AKIA", secret="one") is not S3FileSystem(key="AKIA", secret="two")


def test_no_secret_is_shown():
    fs = S3FileSystem(**MINE, token="nobody-may-see-either", skip_instance_cache=True)
    assert "nobody" not in repr(fs) + str(fs) + fs.__dask_tokenize__() + fs.fsid


@pytest.fixture
def registry():
    module = importlib.import_module("fsspec.registry")
    before = dict(module._registry)
    yield module
    module._registry.clear()
    module._registry.update(before)


def test_installing_takes_the_neutral_protocol_alone():
    """An entry point takes a protocol from whoever had it; nobody may lose s3fs by installing aios3."""
    ours = [each for each in importlib.metadata.entry_points(group="fsspec.specs") if each.value.startswith("aios3.")]
    assert [(each.name, each.value) for each in ours] == [("aios3", "aios3.fsspec.S3FileSystem")]
    assert fsspec.get_filesystem_class("aios3") is S3FileSystem


@pytest.mark.parametrize("protocols", [(), ("s3",), ("s3", "s3a")])
def test_register_takes_over_what_it_is_told(registry, protocols):
    register(*protocols)
    for protocol in protocols or ("s3", "s3a"):
        assert registry.get_filesystem_class(protocol) is S3FileSystem
    fs, path = fsspec.core.url_to_fs("s3://b/k", **MINE)
    assert (type(fs), path) == (S3FileSystem, "b/k")


def test_register_rejects_a_protocol_that_paths_could_not_have(registry):
    with pytest.raises(ValueError, match=r"'gs'.*s3, s3a, aios3"):
        register("gs")


def test_settings_of_fsspec_are_heeded(monkeypatch):
    monkeypatch.setitem(fsspec.config.conf, "s3", {"key": "conf", "secret": "conf"})
    assert S3FileSystem(skip_instance_cache=True).key == "conf"
