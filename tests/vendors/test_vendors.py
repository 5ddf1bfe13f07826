"""What a user meets at a vendor whose server is not quite Amazon's, and what the error says to set."""

from __future__ import annotations

import dataclasses

import pytest

import aios3
import aios3.sync
import servers
from admin import Admin


@pytest.fixture(params=["auto", "aiobotocore"])
def transport(request):
    return request.param


def vendor(name):
    """A fixture with one vendor's server, for this file: it is started once."""

    @pytest.fixture(scope="module", name=name)
    def running():
        with servers.running(f"vendor-{name}") as server:
            admin = Admin(server)
            admin.create_bucket(f"{name}-bucket")
            admin.put(f"s3://{name}-bucket/data", b"x")
            yield dataclasses.replace(server), f"s3://{name}-bucket"
            admin.close()

    return running


r2, b2, gcs, oss, minio = map(vendor, ("r2", "b2", "gcs", "oss", "minio"))


@pytest.mark.parametrize("region", ["eu-west-1", "ap-southeast-1"])
async def test_the_region_of_lambda_is_rejected_by_r2_and_the_error_says_what_to_set(
    r2, transport, region, monkeypatch
):
    server, bucket = r2
    monkeypatch.setenv("AWS_REGION", region)
    config = server.config | {"region": None, "transport": transport}
    async with aios3.Session(**config) as session:
        with pytest.raises(aios3.ConfigError, match=r"set region=.*for Cloudflare R2 to 'auto'"):
            await aios3.read_bytes(f"{bucket}/data", session=session)
    async with aios3.Session(**config | {"region": "auto"}) as session:
        assert await aios3.read_bytes(f"{bucket}/data", session=session) == b"x"


@pytest.mark.parametrize("region", [None, "us-east-1", "auto", "weur"])
async def test_the_regions_that_r2_knows(r2, transport, region):
    server, bucket = r2
    async with aios3.Session(**server.config | {"region": region, "transport": transport}) as session:
        assert await aios3.read_bytes(f"{bucket}/data", session=session) == b"x"


async def test_b2_first_hears_of_a_missing_key(b2, transport):
    server, bucket = b2
    for number, run in enumerate(
        (
            lambda path, session: aios3.exists(path, session=session),
            lambda path, session: aios3.read_bytes(path, session=session),
            lambda path, session: aios3.stat(path, session=session),
        )
    ):
        async with aios3.Session(**server.config | {"transport": transport}) as session:
            try:
                assert await run(f"{bucket}/none", session) is False
                assert number == 0
            except aios3.ObjectNotFoundError:
                assert number > 0


async def test_b2_creates_with_mode_x(b2, transport):
    server, bucket = b2
    path = f"{bucket}/new-{transport}"
    async with aios3.Session(**server.config | {"transport": transport}) as session:
        async with aios3.aopen(path, "xb", session=session) as file:
            await file.write(b"new")
        assert await aios3.read_bytes(path, session=session) == b"new"
        with pytest.raises(aios3.ObjectExistsError):
            async with aios3.aopen(path, "xb", session=session) as file:
                await file.write(b"again")
        assert await aios3.read_bytes(path, session=session) == b"new"


@pytest.mark.parametrize("source", ["argument", "OSS_ENDPOINT", "AWS_ENDPOINT_URL", "profile"])
async def test_oss_is_reached_without_a_setting(oss, transport, source, monkeypatch, tmp_path):
    server, bucket = oss
    config = server.config | {"transport": transport, "endpoint_url": None}
    if source == "argument":
        config["endpoint_url"] = server.endpoint_url
    elif source == "profile":
        (tmp_path / "config").write_text(f"[default]\nendpoint_url = {server.endpoint_url}\n")
        monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    else:
        monkeypatch.setenv(source, server.endpoint_url)
    async with aios3.Session(**config) as session:
        assert await aios3.read_bytes(f"{bucket}/data", session=session) == b"x"
        assert await aios3.exists(f"{bucket}/none", session=session) is False
        assert f"//{bucket[5:]}.oss-" in await aios3.presign(f"{bucket}/data", session=session)


async def test_oss_with_the_bucket_in_the_path_says_what_to_set(oss, transport):
    server, bucket = oss
    config = server.config | {"transport": transport, "addressing_style": "path"}
    async with aios3.Session(**config) as session:
        with pytest.raises(aios3.ConfigError, match="addressing_style='virtual'"):
            await aios3.read_bytes(f"{bucket}/data", session=session)


async def test_gcs_deletes_a_tree(gcs, transport):
    server, bucket = gcs
    async with aios3.Session(**server.config | {"transport": transport}) as session:
        for number in range(20):
            await aios3.write_bytes(f"{bucket}/tree/{number}", b"x", session=session)
        await aios3.remove(f"{bucket}/tree", session=session)
        assert [path async for path in aios3.scan(bucket, session=session)] == [f"{bucket}/data"]


async def test_minio_names_the_key_that_it_does_not_keep(minio, transport):
    server, bucket = minio
    async with aios3.Session(**server.config | {"transport": transport}) as session:
        with pytest.raises(aios3.InvalidPathError, match="MinIO keeps no key"):
            await aios3.write_bytes(f"{bucket}/a//b", b"x", session=session)
