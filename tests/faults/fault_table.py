# ruff: noqa: E501 - a table has a line a row
"""The table as data: which fault, during which verb, and how it must end; ``tools/make_fault_table.py`` prints it.

A cell is ``result`` (the right one, as if nothing had been) or the name of the error that is raised. A pair that makes
no sense, or shows nothing that another does not, is left out.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from aios3.testing import faults

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aios3.testing.faults import Fault

Special = Literal["rejected", "dead address", "rate limit"]

READS = ("open + read", "random reads", "chunks", "sync read")
SENDS = ("write small", "write multipart", "sync write")
MULTIPART = ("upload", "concat", "copy in parts")
COPIES = ("copy", "move")
CREATES = ("write new", "upload new", "touch", "symlink", "copy new", "rename new")
"""What never replaces an object, in one request under a condition."""
DELETES = ("delete many", "Volume.delete", "Bucket.clear")
TREES = (*DELETES, "sync up", "sync down")
"""What goes on with the others where one fails, and names those that have failed."""
RECEIVES = ("download", "sync down", "extract", "Storage.get", "Bucket.download")
"""What makes local files, or fills them."""
PARTS = ("write multipart", "sync write", "append", *MULTIPART, "create_zip")
PLACES = ("sync up", "create_zip", "Storage.put", "Storage.open", "Volume.store", "Bucket.put", "Bucket.upload")
"""What stores by way of trees, archives, Storage, Volume and Bucket."""
STORES = (*MULTIPART, "move", *CREATES, *PLACES)
"""What stores and is not among the verbs of every row."""
COPIED = ("copy", "append", "concat", "copy in parts", "move", "copy new", "rename new")
LISTS = ("scan", "walk")
WRITES = (*SENDS, "append", *COPIES, *MULTIPART)
VERBS = ("open + read", "random reads", "chunks", "write small", "write multipart", "append", "copy", "remove",
         "delete many", "scan", "walk", "sync read", "sync write")  # fmt: skip
WITH_RESULT = (*READS, "delete many", *LISTS)
"""What gets a body back that matters."""

GATEWAY = b"HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/html\r\nContent-Length: 15\r\nConnection: close\r\n\r\n<html>no</html>"
"""What a load balancer says: nobody knows whether the server behind it has done what it was asked."""

RESULT = "result"
BROKEN, TIMEOUT, SERVER = "ConnectionFailedError", "RequestTimeoutError", "ServerError"
PARTIAL = "PartialFailureError"
CORRUPT = "ChecksumMismatchError"
"""Where bytes were handed out before the last one came: those cannot be taken back, so the end is an error."""

ARCHIVE = "ZipArchiveError"
"""An archive has checksums of its own; S3 says none of ranges."""


def cells(*groups: tuple[tuple[str, ...], str]) -> dict[str, str]:
    """Spread expectations over verbs; a later group replaces an earlier one."""
    return {verb: expected for verbs, expected in groups for verb in verbs}


@dataclass(frozen=True)
class Row:
    """A fault, how often it comes, and what each verb makes of it.

    ``times`` is how many requests meet it; None is every one. ``operation`` is what it befalls, None is the verb's own
    main request. ``impatient`` says that timeouts are short; ``stored`` that an error does not say whether the write
    has been stored: then it is whole; ``orphans`` is how many uploads stay open whose ids nobody
    was told.
    """

    name: str
    fault: Fault | Special
    times: int | None
    expected: dict[str, str]
    operation: str | None = None
    impatient: bool = False
    stored: bool = False
    orphans: int = 0
    tls: bool = False


@dataclass(frozen=True)
class Cell:
    """One test; ``reason`` says why today's code fails it."""

    row: Row
    verb: str
    expected: str
    reason: str | None = field(default=None, compare=False)

    @property
    def id(self) -> str:
        """The name of the test."""
        return f"{self.row.name}-{self.verb}".replace(" ", "_")


ROWS = (
    # connections
    Row("connections refused", "rejected", None, cells((VERBS, BROKEN))),
    Row("connection reset at once, once", faults.Reset(), 1, cells((VERBS, RESULT)), "Connect"),
    Row("connection reset at once, always", faults.Reset(), None, cells((VERBS, BROKEN)), "Connect"),
    Row("half-open connection, once", faults.Stall(), 1, cells((("open + read", "write small", "scan"), RESULT)), "Connect", impatient=True),
    Row("half-open connection, always", faults.Stall(), None, cells((("open + read", "write small", "scan"), TIMEOUT)), "Connect", impatient=True, stored=True),
    Row("another protocol on the port", faults.Garbage(), None, cells((("open + read", "write small", "scan"), SERVER)), "Connect"),
    Row("first of two addresses is dead", "dead address", None, cells((("open + read", "write small", "scan"), RESULT)), impatient=True),
    Row("TLS handshake stalls, once", faults.Stall(), 1, cells((("open + read", "write small"), RESULT)), "Connect", impatient=True, tls=True),
    Row("TLS handshake stalls, always", faults.Stall(), None, cells((("open + read", "write small"), TIMEOUT)), "Connect", impatient=True, tls=True),
    Row("no TLS on the port", faults.Garbage(), None, cells((("open + read", "write small"), "TLSError")), "Connect", tls=True),
    # before the response
    Row("reset before the head, once", faults.Reset(), 1, cells(((*VERBS, *DELETES), RESULT), (STORES, RESULT), (RECEIVES, RESULT))),
    Row("reset before the head, always", faults.Reset(), None, cells(((*VERBS, *DELETES), BROKEN), (STORES, BROKEN), (RECEIVES, BROKEN), (TREES, PARTIAL))),
    Row("no response, once", faults.Stall(), 1, cells((("open + read", "write small", "scan", "copy", "delete many"), RESULT), (("touch", "copy new", "copy in parts"), RESULT)), impatient=True),
    Row("no response, always", faults.Stall(), None, cells((("open + read", "write small", "write multipart", "scan", "sync read"), TIMEOUT)), impatient=True, stored=True),
    # the response's body
    Row("reset in the body, once", faults.ResetAfter(100), 1, cells((WITH_RESULT, RESULT), (RECEIVES, RESULT))),
    Row("reset in the body, always", faults.ResetAfter(0), None, cells((WITH_RESULT, BROKEN), (RECEIVES, BROKEN), (("delete many", "sync down"), PARTIAL))),
    Row("reset after some bytes, always", faults.ResetAfter(100_000), None, cells((READS, RESULT))),
    Row("body cut short, once", faults.CutShort(100), 1, cells((WITH_RESULT, RESULT), (RECEIVES, RESULT))),
    Row("body cut short, always", faults.CutShort(0), None, cells((WITH_RESULT, "TruncatedBodyError"), (RECEIVES, "TruncatedBodyError"), (("delete many", "sync down"), PARTIAL))),
    Row("body stalls, once", faults.Stall(100), 1, cells((("open + read", "random reads", "chunks", "scan"), RESULT)), impatient=True),
    Row("body stalls, always", faults.Stall(0), None, cells((("open + read", "scan"), TIMEOUT)), impatient=True),
    Row("body drips", faults.SlowBody(40_000, 0.001), None, cells((WITH_RESULT, RESULT))),
    Row("length announced too long, once", faults.WrongLength(10), 1, cells((WITH_RESULT, RESULT))),
    Row("length announced too long, always", faults.WrongLength(10), None, cells((WITH_RESULT, SERVER), (LISTS, "TruncatedBodyError"), (("delete many",), PARTIAL))),
    Row("length announced too short, once", faults.WrongLength(-10), 1, cells((WITH_RESULT, RESULT))),
    Row("length announced too short, always", faults.WrongLength(-10), None, cells((WITH_RESULT, SERVER), (("delete many",), PARTIAL))),
    Row("a byte flipped, once", faults.FlipByte(), 1, cells((("open + read", "sync read"), RESULT), (("chunks", "Bucket.download"), CORRUPT), (("download", "sync down", "Storage.get"), RESULT), (("extract",), ARCHIVE))),
    Row("a byte flipped, always", faults.FlipByte(), None, cells((("open + read", "chunks", "sync read"), CORRUPT), (RECEIVES, CORRUPT), (("sync down",), PARTIAL), (("extract",), ARCHIVE))),
    Row("response in chunks", faults.Chunked(), None, cells((VERBS, RESULT))),
    # the request's body
    Row("reset in the upload, once", faults.ResetUpload(1000), 1, cells((SENDS, RESULT))),
    Row("reset in the upload, always", faults.ResetUpload(1000), None, cells((SENDS, BROKEN))),
    Row("upload stalls, once", faults.StallUpload(1000), 1, cells((("write multipart",), RESULT)), impatient=True),
    Row("upload stalls, always", faults.StallUpload(1000), None, cells((("write multipart",), TIMEOUT)), impatient=True),
    Row("rejected in the middle of the upload, always", faults.Respond(503, "SlowDown", early=True), None, cells((SENDS, "ThrottledError"))),
    # what the server says
    Row("SlowDown, twice", faults.SlowDown(), 2, cells(((*VERBS, *DELETES), RESULT), (STORES, RESULT), (RECEIVES, RESULT))),
    Row("SlowDown, always", faults.SlowDown(), None, cells(((*VERBS, *DELETES), "ThrottledError"), (STORES, "ThrottledError"), (RECEIVES, "ThrottledError"), (TREES, PARTIAL))),
    Row("requests a second limited", "rate limit", None, cells((("open + read", "random reads", "write small", "scan", "walk"), RESULT))),
    Row("500, once", faults.InternalError(), 1, cells(((*VERBS, *DELETES), RESULT), (STORES, RESULT))),
    Row("500, always", faults.InternalError(), None, cells(((*VERBS, *DELETES), SERVER), (STORES, SERVER), ((*DELETES, "sync up"), PARTIAL))),
    Row("502 of a gateway, once", faults.Garbage(GATEWAY), 1, cells((STORES, RESULT))),
    Row("500 to the beginning of an upload, once", faults.InternalError(), 1, cells((PARTS, RESULT)), "CreateMultipartUpload"),
    Row("500 to the beginning of an upload, always", faults.InternalError(), None, cells((PARTS, SERVER)), "CreateMultipartUpload"),
    Row("500 to the completion, once", faults.InternalError(), 1, cells((PARTS, RESULT)), "CompleteMultipartUpload"),
    Row("500 to the completion, always", faults.InternalError(), None, cells((PARTS, SERVER)), "CompleteMultipartUpload"),
    Row("200 with an error to the completion, once", faults.ErrorIn200(), 1, cells((PARTS, RESULT)), "CompleteMultipartUpload"),
    Row("200 with an error to the completion, always", faults.ErrorIn200(), None, cells((PARTS, SERVER)), "CompleteMultipartUpload"),
    Row("200 with an error to a copy, once", faults.ErrorIn200(), 1, cells((COPIED, RESULT))),
    Row("200 with an error to a copy, always", faults.ErrorIn200(), None, cells((COPIED, SERVER))),
    Row("response lost though it succeeded, once", faults.DropResponse(), 1, cells(((*WRITES, *PLACES), RESULT), (CREATES, RESULT), (("remove", *DELETES), RESULT))),
    Row("response lost though it succeeded, always", faults.DropResponse(), None, cells((WRITES, BROKEN), (CREATES, RESULT), (("remove",), BROKEN), ((*DELETES, "sync up"), PARTIAL)), stored=True),
    Row("response to the beginning of an upload lost, once", faults.DropResponse(), 1, cells((PARTS, RESULT)), "CreateMultipartUpload"),
    Row("response to the beginning of an upload lost, always", faults.DropResponse(), None, cells((PARTS, BROKEN)), "CreateMultipartUpload", orphans=2),
    Row("response to the completion lost, once", faults.DropResponse(), 1, cells((PARTS, RESULT)), "CompleteMultipartUpload"),
    Row("response to the completion lost, always", faults.DropResponse(), None, cells((PARTS, RESULT)), "CompleteMultipartUpload"),
    Row("500 though it succeeded, once", faults.LateError(), 1, cells(((*WRITES, *PLACES), RESULT), (CREATES, RESULT), (("remove", *DELETES), RESULT))),
    Row("500 though it succeeded, always", faults.LateError(), None, cells((WRITES, SERVER), (CREATES, RESULT), (("remove",), SERVER), ((*DELETES, "sync up"), PARTIAL)), stored=True),
    Row("500 to the beginning of an upload though it succeeded, once", faults.LateError(), 1, cells((PARTS, RESULT)), "CreateMultipartUpload"),
    Row("500 to the completion though it succeeded, once", faults.LateError(), 1, cells((PARTS, RESULT)), "CompleteMultipartUpload"),
    Row("500 to the completion though it succeeded, always", faults.LateError(), None, cells((PARTS, RESULT)), "CompleteMultipartUpload"),
    Row("200 with an error to the completion though it succeeded, once", faults.LateError(200), 1, cells((PARTS, RESULT)), "CompleteMultipartUpload"),
    Row("token expires in the middle", faults.ExpiredToken(), None, cells((VERBS, "CredentialsError"))),
    Row("bucket in another region, 301", faults.WrongRegion(status=301), 1, cells((("open + read", "write small", "scan"), RESULT))),
    Row("bucket in another region, 400", faults.WrongRegion(status=400), 1, cells((("open + read", "write small", "scan"), RESULT))),
    Row("bucket in another region, always", faults.WrongRegion(status=301), None, cells((("open + read", "write small", "scan"), "RequestError"))),
    # what it should not say
    Row("object replaced between requests", faults.ReplaceObject(), 1, cells((READS, "ObjectChangedError"), (RECEIVES, "ObjectChangedError"), (("sync down",), PARTIAL))),
    Row("200 with everything for a range", faults.IgnoreRange(), None, cells((READS, RESULT), (RECEIVES, RESULT))),
    Row("garbage, once", faults.Garbage(), 1, cells(((*VERBS, *DELETES), RESULT), (STORES, RESULT), (RECEIVES, RESULT))),
    Row("garbage, always", faults.Garbage(), None, cells(((*VERBS, *DELETES), SERVER), (STORES, SERVER), (RECEIVES, SERVER), (TREES, PARTIAL))),
    Row("a header of a mebibyte, always", faults.HugeHeader(), None, cells((("open + read", "write small", "scan"), SERVER)), stored=True),
    Row("headers without end, always", faults.EndlessHeaders(), None, cells((("open + read", "write small", "scan"), SERVER))),
    Row("a folded header, always", faults.FoldedHeader(), None, cells((("open + read", "scan"), RESULT))),
    Row("small pages", faults.SmallPages(1), None, cells((LISTS, RESULT))),
)  # fmt: skip
"""What is expected is what the guide promises, not what happens to happen."""

DIFFERENT = {("auto", "a folded header, always", verb): SERVER for verb in ("open + read", "scan")}
"""(transport, row, verb) where our own connections are stricter: RFC 9112 5.2 lets a client reject folded headers."""

FAILING: dict[tuple[str, str, str], str] = {}
"""(transport, row, verb) that today's code fails, with the cause: strict, so that whoever repairs it takes it away."""


GROUPS = {
    "Read and list": (*READS, *RECEIVES, *LISTS),
    "Write": (*SENDS, "append", *CREATES, "Storage.put", "Storage.open", "Volume.store", "Bucket.put", "Bucket.upload"),
    "Store by parts": ("upload", "sync up", "concat", "copy in parts", "create_zip"),
    "Copy and delete": (*COPIES, "remove", *DELETES),
}
"""Every verb in one of the tables of the page."""


def all_cells(transport: str) -> Iterator[Cell]:
    """Yield every pair that makes sense."""
    for row in ROWS:
        for verb, expected in row.expected.items():
            where = transport, row.name, verb
            yield Cell(row, verb, DIFFERENT.get(where, expected), FAILING.get(where))
