"""What the verbs on trees say of each file that is done, and what the objects are stored with."""

from __future__ import annotations

import pytest

from aios3 import ConfigError, InvalidPathError, ObjectNotFoundError, PartialFailureError, TransferAction

TREE = {"a.txt": b"alpha", "d/b": b"bee"}


@pytest.fixture
def places(bucket, admin, tmp_path):
    """A tree in S3, and the same on the disk."""
    for name, data in TREE.items():
        admin.put(f"{bucket}/src/{name}", data)
        path = tmp_path / "src" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return {"s3": f"{bucket}/src", "disk": f"{tmp_path}/src", "to": f"{bucket}/dst", "to_disk": f"{tmp_path}/dst"}


def copies(source, target):
    return {TransferAction("copy", f"{target}/{name}", f"{source}/{name}") for name in TREE}


def deletions(root):
    return {TransferAction("delete", f"{root}/{name}") for name in TREE}


@pytest.mark.parametrize(
    ("verb", "arguments", "copied", "deleted"),
    [
        ("upload", ("disk", "to"), ("disk", "to"), None),
        ("download", ("s3", "to_disk"), ("s3", "to_disk"), None),
        ("sync_tree", ("disk", "to"), ("disk", "to"), None),
        ("sync_tree", ("s3", "to_disk"), ("s3", "to_disk"), None),
        ("sync_tree", ("s3", "to"), ("s3", "to"), None),
        ("move", ("s3", "to"), ("s3", "to"), "s3"),
        ("rename", ("s3", "to"), ("s3", "to"), "s3"),
        ("remove", ("s3",), None, "s3"),
    ],
)
async def test_every_file_that_is_done_is_said(surface, places, verb, arguments, copied, deleted):
    said = []
    await getattr(surface, verb)(*(places[name] for name in arguments), on_action=said.append)
    expected = copies(*(places[name] for name in copied)) if copied else set()
    expected |= deletions(places[deleted]) if deleted else set()
    assert set(said) == expected
    assert len(said) == len(expected)


async def test_a_dry_run_says_what_the_sync_then_does(surface, places, bucket, admin, tmp_path):
    admin.put(f"{bucket}/dst/old", b"old")
    (tmp_path / "dst").mkdir()
    (tmp_path / "dst" / "old").write_bytes(b"old")
    for source, target in (("disk", "to"), ("s3", "to_disk")):
        dry, done = [], []
        listed = await surface.sync_tree(
            places[source], places[target], delete=True, dry_run=True, on_action=dry.append
        )
        await surface.sync_tree(places[source], places[target], delete=True, on_action=done.append)
        assert set(dry) == set(done) == set(listed.actions)
        assert {action.kind for action in done} == {"copy", "delete"}


async def test_what_failed_or_stayed_is_not_said(surface, places, bucket, admin, tmp_path):
    said = []
    (tmp_path / "dst" / "a.txt" / "in the way").mkdir(parents=True)
    with pytest.raises(PartialFailureError):
        await surface.download(places["s3"], places["to_disk"], on_action=said.append)
    assert [action.source for action in said] == [f"{places['s3']}/d/b"]
    said.clear()
    admin.put(f"{bucket}/dst/a.txt", b"there")
    await surface.upload(places["disk"], places["to"], overwrite=False, on_action=said.append)
    assert [action.source for action in said] == [f"{places['disk']}/d/b"]


@pytest.mark.parametrize("kind", [ZeroDivisionError, BrokenPipeError, PermissionError, ObjectNotFoundError])
async def test_an_error_of_the_listener_ends_the_transfer(surface, places, kind):
    error = kind("no more")

    def listener(_action):
        raise error

    with pytest.raises(kind, match="no more"):
        await surface.upload(places["disk"], places["to"], on_action=listener)


@pytest.mark.parametrize("source", ["disk", "s3"])
@pytest.mark.parametrize("single", [False, True])
async def test_objects_are_stored_with_what_was_asked_for(surface, places, source, single):
    name = "/a.txt" if single else ""
    asked = {"content_type": "text/html", "cache_control": "max-age=5", "metadata": {"colour": "red"}}
    await surface.sync_tree(places[source] + name, places["to"] + name, force=True, **asked)
    if source == "disk":
        await surface.upload(places[source] + name, places["to"] + name, **asked)
    stat = await surface.stat(f"{places['to']}/a.txt")
    assert (stat.content_type, stat.metadata["colour"], stat.size) == ("text/html", "red", 5)
    assert stat.headers["cache-control"] == "max-age=5"


async def test_a_copy_keeps_what_is_not_named(surface, places, bucket, admin):
    admin.put(f"{bucket}/src/a.txt", b"alpha", ContentType="text/plain", Metadata={"colour": "red"})
    await surface.sync_tree(places["s3"], places["to"], cache_control="no-store")
    stat = await surface.stat(f"{places['to']}/a.txt")
    assert (stat.content_type, stat.metadata["colour"]) == ("text/plain", "red")
    assert stat.headers["cache-control"] == "no-store"


async def test_size_alone_is_compared_if_asked_for(surface, places, admin, bucket):
    admin.put(f"{bucket}/dst/a.txt", b"other")
    admin.put(f"{bucket}/dst/d/b", b"longer")
    admin.put(f"{bucket}/src/a.txt", b"newer")  # of the same size, and not older
    result = await surface.sync_tree(places["s3"], places["to"], size_only=True)
    assert (result.copied, result.skipped) == (1, 1)
    assert admin.get(f"{bucket}/dst/a.txt") == b"other"


@pytest.mark.parametrize(
    ("source", "target", "options", "message"),
    [
        ("disk", "to", {"checksum": True, "size_only": True}, "choose one"),
        ("s3", "to_disk", {"content_type": "text/html"}, "local file has no content type"),
        ("disk", "to", {"content_typ": "text/html"}, "Unknown option 'content_typ'"),
        ("disk", "to", {"metadata": {"a b": "c"}}, "cannot be named"),
        ("disk", "to", {"on_action": 5}, "on_action must be a function"),
    ],
)
async def test_options_that_make_no_sense_are_rejected_before_anything(
    surface, places, bucket, admin, source, target, options, message
):
    before = admin.keys(bucket)
    with pytest.raises(ConfigError, match=message):
        await surface.sync_tree(places[source], places[target], **options)
    assert admin.keys(bucket) == before


async def test_a_tree_goes_from_one_session_to_another(surface, server, places, bucket, admin):
    other = type(surface)(**server.config, part_size=6 << 20)
    try:
        await surface.sync_tree(places["s3"], places["to"], target_session=other.session)
        assert {key for key in admin.keys(bucket) if key.startswith("dst/")} == {f"dst/{name}" for name in TREE}
        with pytest.raises(InvalidPathError, match="one place"):
            await surface.sync_tree(places["s3"], f"{places['s3']}/below", target_session=other.session)
    finally:
        await other.aclose()


async def test_a_tree_is_not_copied_into_itself_through_another_name_of_its_server(
    surface, server, places, admin, bucket
):
    elsewhere = {**server.config, "endpoint_url": server.config["endpoint_url"].replace("127.0.0.1", "localhost")}
    other = type(surface)(**elsewhere)
    before = admin.keys(bucket)
    try:
        with pytest.raises(InvalidPathError, match="one place"):
            await surface.sync_tree(places["s3"], f"{places['s3']}/below", target_session=other.session)
    finally:
        await other.aclose()
    assert admin.keys(bucket) == before
