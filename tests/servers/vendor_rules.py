"""What each vendor rejects, and with which words: facts from their documents and from what programs met there.

* Cloudflare R2: "S3 API compatibility" and "Multipart upload" in its documents; apache/opendal#2904,
  cloudflare-docs#19236, openreplay#2018, backup-x#127.
* Backblaze B2: "S3-compatible API" in its documents; xen-orchestra#8358, home-assistant/core#143995,
  codelitdev/medialit#158, sathinduga/obsidian-s3-sync-and-backup#78.
* Google Cloud Storage: "Simple migration" in its documents; s3tools/s3cmd#1222, minio/mc#2398, supabase/storage#898,
  Gusto/baerly-storage#52 (conditions hold for reads only).
* Alibaba OSS: treeverse/lakeFS#3613, apache/polaris#3346, gaul/undocumented-s3-apis#4 (conditions).
* DigitalOcean Spaces: vscode-remote-workspace#133. Wasabi: durch/rust-s3#51.
* MinIO: ``cmd/api-errors.go`` and "Object name restrictions".
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, unquote

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

_SCOPE = re.compile(r"Credential=[^/]+/\d{8}/([^/]*)/s3/aws4_request")


@dataclass(frozen=True, slots=True)
class Asked:
    """One request, with names of headers in lower case."""

    operation: str
    method: str
    host: str
    bucket: str
    key: str
    query: str
    headers: Mapping[str, str]

    @property
    def parameters(self) -> dict[str, str]:
        """What the query says."""
        return dict(parse_qsl(self.query, keep_blank_values=True))

    @property
    def region(self) -> str | None:
        """What it was signed for; None if it was not signed."""
        signed = _SCOPE.search(self.headers.get("authorization", "") or unquote(self.query).replace("X-Amz-", ""))
        return signed[1] if signed else None


@dataclass(frozen=True, slots=True)
class Rejected:
    """A response in the place of moto's."""

    status: int
    code: str
    message: str = ""


@dataclass(slots=True)
class Profile:
    """One vendor: what it rejects, and what it does not heed."""

    rejections: tuple[Callable[[Asked], Rejected | None], ...] = ()
    ignored: frozenset[str] = frozenset()
    """Headers of writes that mean nothing to it."""
    equal_parts: bool = False
    uploads: dict[str, dict[int, int]] = field(default_factory=dict)
    """The sizes of the parts of open uploads."""

    def reject(self, asked: Asked) -> Rejected | None:
        """Return how the request is rejected; None if it is not."""
        for rule in self.rejections:
            rejected = rule(asked)
            if rejected is not None:
                return rejected
        return self._reject_parts(asked) if self.equal_parts else None

    def _reject_parts(self, asked: Asked) -> Rejected | None:
        upload = asked.parameters.get("uploadId", "")
        if asked.operation in {"UploadPart", "UploadPartCopy"}:
            number = int(asked.parameters.get("partNumber", "0"))
            self.uploads.setdefault(upload, {})[number] = _size_of(asked)
        if asked.operation != "CompleteMultipartUpload":
            return None
        *sizes, last = [size for _, size in sorted(self.uploads.get(upload, {1: 0}).items())]
        if len(set(sizes)) > 1:
            return Rejected(400, "InvalidPart", "All non-trailing parts must have the same length.")
        if sizes and last > sizes[0]:
            return Rejected(400, "InvalidPart", "The last part must not be larger than the others.")
        return None


def _size_of(asked: Asked) -> int:
    copied = re.fullmatch(r"bytes=(\d+)-(\d+)", asked.headers.get("x-amz-copy-source-range", ""))
    return int(copied[2]) - int(copied[1]) + 1 if copied else int(asked.headers.get("content-length") or 0)


def _headers(names: str, code: str, status: int, words: str) -> Callable[[Asked], Rejected | None]:
    """Reject headers whose name matches ``names``."""
    unknown = re.compile(names)

    def rule(asked: Asked) -> Rejected | None:
        for name, value in sorted(asked.headers.items()):
            if unknown.fullmatch(name):
                return Rejected(status, code, words.format(name=name, value=value))
        return None

    return rule


def _operations(names: Iterable[str], rejected: Rejected) -> Callable[[Asked], Rejected | None]:
    known = frozenset(names)
    return lambda asked: rejected if asked.operation in known else None


def _regions(names: Iterable[str]) -> Callable[[Asked], Rejected | None]:
    known = (*names,)

    def rule(asked: Asked) -> Rejected | None:
        if asked.region is None or asked.region in {"", "us-east-1", *known}:
            return None
        words = f"The region name '{asked.region}' is not valid. Must be one of: {', '.join(known)}"
        return Rejected(400, "InvalidRegionName", words)

    return rule


def _chunked(asked: Asked) -> Rejected | None:
    if "aws-chunked" in asked.headers.get("content-encoding", ""):
        words = "aws-chunked encoding is not supported with the specified x-amz-content-sha256 value."
        return Rejected(400, "InvalidArgument", words)
    return None


def _path_style(asked: Asked) -> Rejected | None:
    """Reject a bucket in the path; by its number the server is reached by whoever prepares it."""
    if asked.host.endswith("aliyuncs.com") and asked.host.startswith("oss-") and asked.bucket:
        return Rejected(403, "SecondLevelDomainForbidden", "Please use virtual hosted style to access.")
    return None


def _minio_names(asked: Asked) -> Rejected | None:
    parts = asked.key.split("/")
    unfit = "\\" in asked.key or "\0" in asked.key or any(part in {".", ".."} for part in parts) or "" in parts[:-1]
    if asked.key and unfit:
        return Rejected(400, "XMinioInvalidObjectName", "Object name contains unsupported characters.")
    return None


def _elsewhere(region: str) -> Callable[[Asked], Rejected | None]:
    """Say nothing but 400 to what is signed for another region."""
    return lambda asked: None if asked.region in {None, "us-east-1", region} else Rejected(400, "")


def _not_implemented(*operations: str) -> Callable[[Asked], Rejected | None]:
    return _operations(operations, Rejected(501, "NotImplemented", "The operation is not implemented."))


_TAGS = ("GetObjectTagging", "PutObjectTagging", "DeleteObjectTagging")
_BUCKET_TAGS = ("GetBucketTagging", "PutBucketTagging", "DeleteBucketTagging")
_POLICY = ("GetBucketPolicy", "PutBucketPolicy", "DeleteBucketPolicy")
_VERSIONS = ("GetBucketVersioning", "PutBucketVersioning", "ListObjectVersions")
_CONDITIONS = frozenset({"if-match", "if-none-match"})

PROFILES: Mapping[str, Profile] = {
    "vendor-r2": Profile(
        (
            _regions(("wnam", "enam", "weur", "eeur", "apac", "oc", "auto")),
            _headers(
                r"x-amz-(?:tagging.*|acl|grant-.*|website-.*|checksum-(?:algorithm|crc32c?|sha\d+|crc64nvme|type))"
                r"|x-amz-sdk-checksum-algorithm|x-amz-server-side-encryption(?:-aws-.*)?",
                "NotImplemented",
                501,
                "Header '{name}' with value '{value}' not implemented",
            ),
            _not_implemented(*_TAGS, *_BUCKET_TAGS, *_POLICY, *_VERSIONS, "PutBucketAcl", "PutObjectAcl"),
        ),
        equal_parts=True,
    ),
    "vendor-b2": Profile(
        (
            _headers(
                r"x-amz-(?:checksum-.*|sdk-checksum-algorithm|tagging.*|website-.*|request-payer)",
                "InvalidArgument",
                400,
                "Unsupported header '{name}' received for this API call.",
            ),
            lambda asked: (
                Rejected(501, "NotImplemented", "A header you provided implies functionality that is not implemented")
                if asked.method in {"PUT", "POST"} and _CONDITIONS & asked.headers.keys()
                else None
            ),
            _not_implemented(*_TAGS, *_BUCKET_TAGS, *_POLICY),
        )
    ),
    "vendor-gcs": Profile(
        (
            _operations(("DeleteObjects",), Rejected(400, "InvalidArgument", "Invalid argument.")),
            _not_implemented("UploadPartCopy", *_TAGS, *_BUCKET_TAGS, *_POLICY, *_VERSIONS),
        ),
        ignored=_CONDITIONS,
    ),
    "vendor-oss": Profile((_path_style, _chunked, _not_implemented(*_POLICY)), ignored=_CONDITIONS),
    "vendor-wasabi": Profile((_elsewhere("eu-central-2"),)),
    "vendor-spaces": Profile(
        (
            _headers(
                r"x-amz-(?:tagging.*|server-side-encryption(?:-aws-.*)?|website-.*)",
                "NotImplemented",
                501,
                "Server does not implement one or more requested headers.",
            ),
            _not_implemented(*_TAGS, *_BUCKET_TAGS, *_POLICY),
        )
    ),
    "vendor-minio": Profile((_minio_names,)),
}
