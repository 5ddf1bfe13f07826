"""A script that was written for megfile, with one line changed; and the same work in the words of aios3 itself.

    python examples/migrate_megfile.py [s3://bucket/prefix]

Without a path it runs on the server that comes with aios3.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import aios3

# from megfile.s3 import (
from aios3.compat.megfile import (
    S3FileNotFoundError,
    s3_copy,
    s3_getmd5,
    s3_glob,
    s3_load_content,
    s3_open,
    s3_path_join,
    s3_readlink,
    s3_rename,
    s3_save_as,
    s3_stat,
    s3_symlink,
    s3_unlink,
)
from aios3.testing import LocalServer

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


def as_it_was(root: str) -> None:
    """Do what the old script did: not a line of this is new."""
    page = s3_path_join(root, "pages", "one.txt")
    with s3_open(page, "w") as file:
        file.write("first line\nsecond line\n")
    s3_save_as(io.BytesIO(b"third line\n"), s3_path_join(root, "pages", "two.txt"))
    print("pages:", [path.removeprefix(f"{root}/") for path in s3_glob(s3_path_join(root, "pages", "*.txt"))])
    print("start:", s3_load_content(page, 0, 10).decode())
    s3_symlink(page, s3_path_join(root, "latest"))
    print("latest is", s3_readlink(s3_path_join(root, "latest")).removeprefix(f"{root}/"))
    print("bytes:", s3_stat(s3_path_join(root, "latest")).size)
    s3_copy(page, s3_path_join(root, "copy.txt"))
    assert s3_getmd5(page) == s3_getmd5(s3_path_join(root, "copy.txt"))
    s3_rename(s3_path_join(root, "copy.txt"), page, overwrite=False)  # megfile would delete the copy here
    s3_unlink(s3_path_join(root, "copy.txt"))
    try:
        s3_load_content(s3_path_join(root, "copy.txt"))
    except S3FileNotFoundError:
        print("the copy is gone")


async def as_it_may_become(root: str) -> None:
    """Do the same with aios3, all of it at once where it does not have to wait."""
    place = aios3.S3Path(root)
    pages = {"one.txt": "first line\nsecond line\n", "two.txt": "third line\n"}
    await asyncio.gather(*((place / "pages" / name).write_text(text) for name, text in pages.items()))
    print("pages:", [path.relative_to(place) async for path in place.glob("pages/*.txt")])
    page, latest = place / "pages" / "one.txt", place / "latest"
    print("start:", (await page.read_bytes(0, 10)).decode())
    await aios3.symlink(page, latest)
    print("latest is", (await latest.readlink()).relative_to(place))
    print("bytes:", (await latest.stat()).size)
    await page.copy(place / "copy.txt")
    try:
        await (place / "copy.txt").rename(page, overwrite=False)
    except FileExistsError:
        await (place / "copy.txt").unlink()
    if not await (place / "copy.txt").exists():
        print("the copy is gone")


@contextmanager
def place(root: str | None) -> Iterator[str]:
    """Yield where to work: the path that was given, or one on a server that is found in the environment."""
    if root is not None:
        yield root.rstrip("/")
        return
    with LocalServer(buckets=["migration"]) as server:
        credentials = server.config["credentials"]
        assert isinstance(credentials, aios3.Credentials)
        os.environ["AWS_ENDPOINT_URL"] = server.endpoint_url
        os.environ["AWS_ACCESS_KEY_ID"] = credentials.access_key
        os.environ["AWS_SECRET_ACCESS_KEY"] = credentials.secret_key
        yield "s3://migration/work"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the example and return its exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root", nargs="?", help="where to work, s3://bucket/prefix; default: an embedded server")
    try:
        with place(parser.parse_args(arguments).root) as root:
            as_it_was(f"{root}/old")
            asyncio.run(as_it_may_become(f"{root}/new"))
    except aios3.S3Error as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
