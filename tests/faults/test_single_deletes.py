"""A server without DeleteObjects, such as Google Cloud Storage, is sent a delete a key; it is asked for more once."""

from __future__ import annotations

import pytest
from fault_common import nothing_left

import aios3
from aios3.testing import faults

AS_SUCH = [
    faults.Respond(400, "InvalidArgument", "Invalid argument."),
    faults.Respond(400, "NotImplemented"),
    faults.Respond(501, "NotImplemented"),
    faults.Respond(405, "MethodNotAllowed"),
]


@pytest.fixture
async def session(faulty, options):
    made = aios3.Session(**options(faulty))
    async with nothing_left(made, faulty):
        yield made


def fill(admin, bucket, number=40):
    for each in range(number):
        admin.put(f"{bucket}/tree/{each:03}", b"x")
    admin.put(f"{bucket}/kept", b"x")


@pytest.mark.parametrize("rejection", AS_SUCH, ids=lambda each: f"{each.status}-{each.code}")
async def test_all_is_removed_and_the_rejection_is_met_once(faulty, session, bucket, admin, rejection):
    faulty.fail("DeleteObjects", rejection, times=None)
    for _ in range(2):
        fill(admin, bucket)
        await aios3.remove(f"{bucket}/tree", session=session)
        assert admin.keys(bucket) == ["kept"]
    assert faulty.count("DeleteObjects") == 1
    assert faulty.count("DeleteObject") == 80


@pytest.mark.parametrize("rejection", AS_SUCH[::2], ids=lambda each: each.code)
async def test_versions_are_removed_singly_too(faulty, session, admin, bucket, rejection):
    name = f"{bucket.removeprefix('s3://')}-versions"
    versioned = await aios3.Bucket(name, session=session).create()
    await versioned.set_versioning(enabled=True)
    for _ in range(3):
        await aios3.write_bytes(f"s3://{name}/one", b"x", session=session)
    await aios3.unlink(f"s3://{name}/one", session=session)
    faulty.fail("DeleteObjects", rejection, times=None)
    await versioned.delete(force=True)
    assert not await aios3.hasbucket(f"s3://{name}", session=session)
    assert faulty.count("DeleteObjects") == 1


async def test_what_cannot_be_deleted_is_named_by_its_path(faulty, session, bucket, admin):
    fill(admin, bucket)
    faulty.fail("DeleteObjects", AS_SUCH[0], times=None)
    protected = ("tree/000", "tree/007")
    for key in protected:
        faulty.fail("DeleteObject", faults.Respond(403, "AccessDenied"), key=key, times=None)
    with pytest.raises(aios3.PartialFailureError) as caught:
        await aios3.remove(f"{bucket}/tree", session=session)
    assert sorted(caught.value.failures) == [f"{bucket}/{key}" for key in protected]
    assert admin.keys(bucket) == ["kept", *protected]


@pytest.mark.parametrize(
    ("rejection", "single"),
    [
        (faults.Respond(400, "MalformedXML"), None),
        (faults.Respond(403, "AccessDenied"), None),
        (faults.Respond(501, "NotImplemented"), faults.Respond(501, "NotImplemented")),
        (faults.Respond(501, "NotImplemented"), faults.Respond(403, "InvalidAccessKeyId")),
    ],
    ids=["malformed", "denied", "no deletes at all", "nobody"],
)
async def test_other_rejections_are_raised_and_nothing_is_learnt(faulty, session, bucket, admin, rejection, single):
    fill(admin, bucket)
    faulty.fail("DeleteObjects", rejection, times=None)
    if single is not None:
        faulty.fail("DeleteObject", single, times=None)
    with pytest.raises(aios3.S3Error):
        await aios3.remove(f"{bucket}/tree", session=session)
    assert len(admin.keys(bucket)) == 41
    faulty.reset()
    await aios3.remove(f"{bucket}/tree", session=session)
    assert faulty.count("DeleteObjects") == 1
    assert faulty.count("DeleteObject") == 0


async def test_credentials_that_end_in_the_middle_are_one_error(faulty, session, bucket, admin):
    fill(admin, bucket)
    faulty.fail("DeleteObjects", AS_SUCH[2], times=None)
    faulty.fail("DeleteObject", faults.Respond(403, "InvalidAccessKeyId"), nth=5, times=None)
    with pytest.raises(aios3.S3Error) as caught:
        await aios3.remove(f"{bucket}/tree", session=session)
    causes = [*getattr(caught.value, "failures", {}).values(), caught.value]
    assert any(isinstance(error, aios3.CredentialsError) for error in causes)
