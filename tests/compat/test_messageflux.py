"""A program written for messageflux finds what it knows; and where messageflux loses data, this does not."""

from __future__ import annotations

import gc
import io
import itertools
import json
import subprocess
import sys
import weakref
from datetime import UTC, datetime, timedelta

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.credentials import RefreshableCredentials
from botocore.session import Session as BotocoreSession

import aios3.sync
from aios3._boto.boto3_clients import config_of
from aios3.compat.messageflux import S3Bucket, S3BucketException, S3NoSuchBucket, S3NoSuchItem, S3Object, resources

_NAMES = itertools.count(1)
SECRET = "the-secret-of-somebody"


def resource_at(server, **options):
    known = {"aws_access_key_id": server.config["credentials"].access_key, "aws_secret_access_key": SECRET}
    return boto3.resource("s3", endpoint_url=server.endpoint_url, region_name="us-east-1", **known, **options)


@pytest.fixture
def resource(aios3_server):
    made = resource_at(aios3_server)
    yield made
    session = resources.session_behind(made)
    session.close()
    made.meta.client.close()


@pytest.fixture
def client(resource):
    """What looks at the server without aios3."""
    return resource.meta.client


@pytest.fixture
def bucket(resource) -> S3Bucket:
    return S3Bucket.create_bucket(resource, f"flux-{next(_NAMES)}")


def test_buckets_are_made_found_and_deleted(resource):
    name = f"flux-{next(_NAMES)}"
    with pytest.raises(S3NoSuchBucket):
        S3Bucket(name, resource)
    made = S3Bucket(name, resource, auto_create=True)
    assert S3Bucket(name, resource).name == made.name == name
    assert made.s3_resource is resource
    assert S3Bucket.create_bucket(resource, name).name == name
    assert name in [each.name for each in S3Bucket.list_buckets(resource)]
    made.delete_bucket()
    assert name not in [each.name for each in S3Bucket.list_buckets(resource)]


@pytest.mark.parametrize("name", ["ab", "Bad_Name", "-ab", "a" * 64, "", "abc\n"])
def test_names_that_are_none(resource, name):
    with pytest.raises(S3BucketException, match="Invalid bucket name"):
        S3Bucket(name, resource)


@pytest.mark.parametrize("buf", ["grüße", "grüße".encode(), io.BytesIO("grüße".encode()), bytearray("grüße".encode())])
def test_what_can_be_put(bucket, client, buf):
    found = bucket.put_object("x", buf, {"a": "1"}, ContentType="text/x-test", Tagging="t=%C3%A4&u=")
    response = client.get_object(Bucket=bucket.name, Key="x")
    assert response["Body"].read() == "grüße".encode()
    assert (response["ContentType"], response["Metadata"]) == ("text/x-test", {"a": "1"})
    tags = client.get_object_tagging(Bucket=bucket.name, Key="x")["TagSet"]
    assert {each["Key"]: each["Value"] for each in tags} == {"t": "ä", "u": ""}
    assert found.body.read() == "grüße".encode()


def test_an_object_has_messagefluxs_properties(bucket):
    bucket.put_object("dir/x", b"data", {"a": "1"})
    (listed,) = bucket.list_objects()
    for found in (listed, bucket.get_object("dir/x")):
        assert (found.key, found.size, found.metadata) == ("dir/x", 4, {"a": "1"})
        assert abs(datetime.now(UTC) - found.last_modified) < timedelta(minutes=5)
        stream = found.body_stream
        assert stream.read(2) == b"da"
        assert found.body_stream is stream
        assert found.body.read() == b"data"
        assert found.body.read() == b""
        assert found.body_stream is found.body
        stream.close()


def test_streams_go_up_and_down(bucket):
    source, up, down, target = io.BytesIO(bytes(300_000)), [], [], io.BytesIO()
    bucket.upload_object("x", source, {"a": "1"}, ExtraArgs={"ContentType": "a/b"}, Callback=up.append, Config=object())
    bucket.download_object("x", target, Callback=down.append, Config=object())
    assert target.getvalue() == bytes(300_000)
    assert sum(up) == sum(down) == 300_000
    assert not source.closed
    assert bucket.get_object("x").metadata == {"a": "1"}


def test_objects_are_found(bucket):
    for key in ("a", "d/", "d/1", "d/2", "z"):
        bucket.put_object(key, b"", {})

    def found(*args, **options):
        return [each.key for each in bucket.find_objects(*args, **options)]

    assert found() == [each.key for each in bucket.list_objects()] == ["a", "d/", "d/1", "d/2", "z"]
    assert found("d/") == ["d/", "d/1", "d/2"]
    assert found(delimiter="/") == ["a", "z"]
    assert found(max_keys=2) == found()  # the size of a page, not of the response
    assert found(Marker="d/1") == ["d/2", "z"]
    with pytest.raises(S3BucketException, match="FetchOwner"):
        found(FetchOwner=True)


def test_deleting(bucket):
    bucket.put_object("x", b"", {})
    bucket.delete_object("x")
    bucket.delete_object("x")
    with pytest.raises(S3NoSuchItem):
        bucket.get_object("x")
    for key in ("a", "b/c", "b/"):
        bucket.put_object(key, b"", {})
    with pytest.raises(S3BucketException):
        bucket.delete_bucket()
    bucket.clear_objects()
    assert list(bucket.list_objects()) == []


def test_force_deletes_versions_as_well(bucket, client):
    client.put_bucket_versioning(Bucket=bucket.name, VersioningConfiguration={"Status": "Enabled"})
    for data in (b"1", b"2"):
        bucket.put_object("x", data, {})
    first = client.list_object_versions(Bucket=bucket.name)["Versions"][-1]["VersionId"]
    target = io.BytesIO()
    bucket.download_object("x", target, ExtraArgs={"VersionId": first})
    assert target.getvalue() == b"1"
    bucket.delete_object("x")
    bucket.delete_bucket(force=True)
    with pytest.raises(S3NoSuchBucket):
        bucket.clear_objects()


def test_a_lifetime_leaves_the_rules_of_others(bucket, client):
    other = {"ID": "other", "Status": "Enabled", "Filter": {"Prefix": "tmp/"}, "Expiration": {"Days": 1}}
    client.put_bucket_lifecycle_configuration(Bucket=bucket.name, LifecycleConfiguration={"Rules": [other]})
    bucket.set_lifetime_in_days(5)
    rules = client.get_bucket_lifecycle_configuration(Bucket=bucket.name)["Rules"]
    assert [(each["ID"], each["Expiration"]["Days"]) for each in rules] == [("other", 1), ("expire", 5)]
    bucket.set_lifetime_in_days(0)
    assert client.get_bucket_lifecycle_configuration(Bucket=bucket.name)["Rules"] == [other]


def test_a_public_bucket_keeps_its_other_statements(bucket, client):
    deny = {"Sid": "mine", "Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::x/y"}
    client.put_bucket_policy(Bucket=bucket.name, Policy=json.dumps({"Statement": [deny]}))
    bucket.allow_public_access()
    statements = json.loads(client.get_bucket_policy(Bucket=bucket.name)["Policy"])["Statement"]
    assert [each["Action"] for each in statements] == ["s3:PutObject", "s3:GetObject", "s3:ListBucket"]


def test_a_url_keeps_every_character(bucket):
    assert bucket.compute_url("a b/ä?#%").endswith(f"/{bucket.name}/a%20b/%C3%A4%3F%23%25")


def test_errors_are_messagefluxs_and_their_causes_are_aios3s(bucket, resource):
    bucket.put_object("dir/x", b"", {})
    for read in (bucket.get_object, lambda key: bucket.download_object(key, io.BytesIO())):
        for key in ("none", "dir"):
            with pytest.raises(S3NoSuchItem) as caught:
                read(key)
            assert isinstance(caught.value.__cause__, aios3.S3Error)
    for bad in (
        lambda: bucket.put_object("x", b"", {}, GrantRead="x"),
        lambda: bucket.upload_object("x", io.BytesIO(), {}, ExtraArgs={"GrantRead": "x"}),
        lambda: bucket.upload_object("x", io.BytesIO(), {}, Unknown=1),
        lambda: bucket.download_object("dir/x", io.BytesIO(), ExtraArgs={"RequestPayer": "x"}),
        lambda: bucket.upload_object("x", io.StringIO("text"), {}),
        lambda: bucket.get_object(""),
        lambda: bucket.set_lifetime_in_days("many"),
        lambda: S3Bucket(bucket.name, object()),
    ):
        with pytest.raises(S3BucketException):
            bad()
    (item,) = bucket.list_objects()
    bucket.delete_bucket(force=True)
    for gone in (lambda: list(bucket.list_objects()), lambda: item.metadata, lambda: bucket.put_object("x", b"", {})):
        with pytest.raises(S3NoSuchBucket):
            gone()


def test_an_object_is_made_of_boto3s(bucket, resource, client):
    bucket.put_object("x", b"data", {"a": "1"})
    summary = resource.ObjectSummary(bucket.name, "x")
    found = S3Object(summary)
    assert (found.key, found.size, found.metadata, found.body.read()) == ("x", 4, {"a": "1"}, b"data")
    cached = S3Object(summary, client.get_object(Bucket=bucket.name, Key="x"))
    bucket.delete_object("x")
    assert cached.metadata == {"a": "1"}
    assert cached.body_stream.read(2) == b"da"
    assert cached.body.read() == b"ta"


def test_one_session_for_a_resource_and_not_for_another_one(resource, aios3_server):
    """boto3 calls two resources equal whoever they are."""
    other = resource_at(aios3_server)
    assert other == resource
    assert resources.session_behind(resource) is resources.session_behind(resource)
    mine, theirs = resources.session_behind(resource), resources.session_behind(other)
    assert mine is not theirs
    theirs.close()
    assert resources.session_behind(other) is not theirs
    resources.session_behind(other).close()


def test_a_session_ends_with_its_resource(aios3_server):
    resource = resource_at(aios3_server)
    session = weakref.ref(resources.session_behind(resource))
    assert session() is resources.session_behind(resource)
    del resource
    gc.collect()
    assert session() is None


def test_a_session_of_aios3_or_the_environment_will_do(aios3_server, environment):
    name = f"flux-{next(_NAMES)}"
    with aios3.sync.Session(**aios3_server.config) as session:
        bucket = S3Bucket(name, session, auto_create=True)
        assert bucket.s3_resource is session
        bucket.put_object("x", b"data", {})
    assert aios3.sync.read_bytes(f"s3://{name}/x") == b"data"
    assert S3Bucket(name, None).get_object("x").body.read() == b"data"


def test_boto3_is_not_needed():
    code = "import sys; sys.modules['boto3'] = None; import aios3.compat.messageflux as m; print(m.S3Bucket.__name__)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "S3Bucket\n"


# what is taken over


def made(**options):
    known = {"aws_access_key_id": "AKIA", "aws_secret_access_key": SECRET, "region_name": "eu-west-1"}
    return boto3.resource("s3", **known | options).meta.client


def test_endpoint_region_and_credentials_are_taken_over():
    config = config_of(made(endpoint_url="http://127.0.0.1:9000", aws_session_token="token"))
    assert (config.endpoint_url, config.region) == ("http://127.0.0.1:9000", "eu-west-1")
    assert config.credentials() == aios3.Credentials("AKIA", SECRET, "token")
    assert config.addressing_style == "auto"


@pytest.mark.parametrize("style", ["auto", "path", "virtual", None])
def test_buckets_are_addressed_as_before(style):
    config = Config(s3={"addressing_style": style}) if style else None
    assert config_of(made(config=config)).addressing_style == {"path": "path"}.get(style, "virtual")
    expected = "auto" if style is None else style
    assert config_of(made(config=config, endpoint_url="http://localhost:1")).addressing_style == expected


def test_settings_are_taken_over(monkeypatch):
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    settings = Config(connect_timeout=1, read_timeout=2, retries={"total_max_attempts": 7})
    config = config_of(made(config=settings, verify=False))
    assert (config.connect_timeout, config.read_timeout, config.max_attempts, config.verify) == (1, 2, 7, False)
    assert config_of(made()).verify is True
    assert config_of(made(verify="ca.pem")).verify == "ca.pem"
    assert config_of(made(config=Config(signature_version=UNSIGNED))).credentials == "anonymous"


def test_a_proxy_of_the_resource_is_not_gone_around():
    resource = boto3.resource("s3", region_name="us-east-1", config=Config(proxies={"http": "http://localhost:1"}))
    with pytest.raises(S3BucketException, match="proxies"):
        S3Bucket("bucket", resource)


def test_credentials_that_renew_themselves_do_so_still():
    numbers = itertools.count(1)

    def renew():
        end = datetime.now(UTC) + timedelta(seconds=30)  # so near that each use renews them
        return {
            "access_key": f"AKIA{next(numbers)}",
            "secret_key": SECRET,
            "token": "t",
            "expiry_time": end.isoformat(),
        }

    session = BotocoreSession()
    session._credentials = RefreshableCredentials.create_from_metadata(renew(), renew, "test")
    client = boto3.Session(botocore_session=session, region_name="us-east-1").client("s3")
    config = config_of(client)
    first, second = config.credentials(), config.credentials()
    assert first.access_key != second.access_key
    assert second.expires_at > datetime.now(UTC)


def test_a_secret_is_never_shown(resource, aios3_server, caplog):
    caplog.set_level("DEBUG", "aios3")
    session = resources.session_behind(resource)
    shown = [repr(session), repr(session.config), str(session.describe())]
    with pytest.raises(S3NoSuchBucket) as caught:
        S3Bucket("flux-none", resource)
    shown += [str(caught.value), repr(caught.value.__cause__), caplog.text, str(session.describe())]
    assert not [text for text in shown if SECRET in text]
