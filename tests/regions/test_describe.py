"""What a session tells of the buckets that it has used: where each is, as whom it is asked, through what, and why."""

from __future__ import annotations

import pickle
from datetime import UTC, datetime, timedelta

import pytest

import aios3
from servers.amazon_objects import Object

POINT = "arn:aws:s3:us-west-2:123456789012:accesspoint:point"


@pytest.fixture
def bucket(amazon):
    bucket = amazon.add_bucket("home", "eu-west-1")
    bucket.objects["x"] = Object(b"1", '"e"')
    return bucket


async def described(surface, path="s3://home"):
    assert await surface.read_bytes(f"{path}/x") == b"1"
    return surface.session.describe()[path]


async def test_a_bucket_where_it_was_thought_to_be(amazon, bucket, face):
    how = await described(face("eu-west-1"))
    assert (how.endpoint, how.region) == ("https://home.s3.eu-west-1.amazonaws.com/", "eu-west-1")
    assert (how.region_source, how.credentials, how.credentials_expire_at) == ("region=", "argument", None)


async def test_a_bucket_that_was_found_elsewhere(amazon, bucket, face):
    how = await described(face("us-west-2"))
    assert (how.endpoint, how.region) == ("https://home.s3.eu-west-1.amazonaws.com/", "eu-west-1")
    assert how.region_source == "the server"


@pytest.mark.parametrize("name", ["AWS_REGION", "AWS_DEFAULT_REGION"])
async def test_a_region_of_the_environment(amazon, bucket, face, monkeypatch, name):
    monkeypatch.setenv(name, "eu-west-1")
    assert (await described(face(None))).region_source == name


async def test_a_region_from_a_profile_and_from_no_source(amazon, bucket, face, monkeypatch, tmp_path):
    (tmp_path / "config").write_text("[profile me]\nregion = eu-west-1\n[profile bare]\noutput = json\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    assert "'me'" in (await described(face(None, profile="me"))).region_source
    amazon.buckets["home"].region = "us-east-1"
    how = await described(face(None, profile="bare"))
    assert (how.region, how.region_source) == ("us-east-1", "the default")


async def test_an_access_point_has_its_region_in_its_name(amazon, face):
    amazon.aliases |= {"point-123456789012": "behind", POINT: "behind"}
    amazon.add_bucket("behind", "us-west-2").objects["x"] = Object(b"1", '"e"')
    how = await described(face("eu-west-1"), f"s3://{POINT}")
    assert (how.region, how.region_source) == ("us-west-2", "the name")
    assert how.endpoint == "https://point-123456789012.s3-accesspoint.us-west-2.amazonaws.com/"


async def test_the_signing_identity_and_its_expiry(amazon, bucket, face):
    ends = datetime.now(UTC) + timedelta(hours=1)
    amazon.add_key("TEMPORARY", "secret", "nobody-may-see-the-token")
    keys = aios3.Credentials("TEMPORARY", "secret", "nobody-may-see-the-token", expires_at=ends)
    how = await described(face("eu-west-1", credentials=lambda: keys))
    assert (how.credentials, how.credentials_expire_at) == ("callback", ends)
    assert f"{ends:%Y-%m-%d %H:%M:%S}" in str(how)
    for shown in (str(how), repr(how)):
        assert "nobody-may-see" not in shown
        assert "TEMPORARY" not in shown
    assert pickle.loads(pickle.dumps(how)) == how


async def test_an_anonymous_session_says_that_nothing_is_signed(amazon, bucket, face):
    bucket.public = True
    assert "nothing is signed" in str(await described(face("eu-west-1", credentials="anonymous")))
