"""The requests of each call of the backend: method, path, query, headers and body. Pure: nothing is sent here."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote, urlencode

from aios3._backend import MD5
from aios3._md5 import md5_base64
from aios3._paths import is_arn
from aios3._responses import BUCKET_KEY, ENCRYPTION, KMS_KEY, REDIRECT, quote_etag, split_xml_safe
from aios3._s3_constants import MAX_KEYS, XML_NAMESPACE
from aios3.errors import ConfigError, InvalidPathError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from aios3._backend import Checksum, CopyOptions, GetOptions, Part, PartSource, Precondition, PutOptions
    from aios3._paths import S3Url

Pairs = tuple[tuple[str, str], ...]

_HOST = re.compile(r"[A-Za-z0-9._-]+(:[0-9]+)?|\[[0-9A-Fa-f:.]+\](:[0-9]+)?")
_BASE_PATH = re.compile(r"(/[A-Za-z0-9._~!$&'()*+,;=:@%-]+)*")
_REGION = re.compile(r"[A-Za-z0-9._-]+")
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_PLAIN_KEY = re.compile(r"[A-Za-z0-9._~/-]*").fullmatch
_PLAIN_VALUE = re.compile(r"[A-Za-z0-9._~-]*").fullmatch

# A plain line break would be normalised by the parser of the document.
_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#xD;", "\n": "&#xA;"})


@dataclass(frozen=True, slots=True)
class EndpointSettings:
    """Where the requests for one bucket go, and what they are signed for.

    Raises ConfigError for a value that could not stand in a request line or a header.
    """

    scheme: str
    host: str
    """As in the ``Host`` header: in lower case, with the port where it is not the scheme's own."""
    base_path: str
    """The part of the endpoint's URL before the bucket: nothing, or ``/x``."""
    bucket_in_host: bool
    region: str
    service: str = "s3"

    @property
    def url(self) -> str:
        """Scheme and host."""
        return f"{self.scheme}://{self.host}"

    def __post_init__(self) -> None:
        sound = (
            self.scheme in {"http", "https"}
            and _HOST.fullmatch(self.host)
            and _BASE_PATH.fullmatch(self.base_path)
            and _REGION.fullmatch(self.region)
            and _REGION.fullmatch(self.service)
        )
        if not sound:
            host = self.host.rpartition("@")[2]  # before it may be a user and a password
            message = f"Not a place to send requests to: {self.scheme!r}, {host!r}, {self.base_path!r}, "
            raise ConfigError(message + f"region {self.region!r}, service {self.service!r}")


class Request(NamedTuple):
    """One request to S3, before it is signed and sent.

    A tuple, because one is made for every request and a dataclass takes thrice as long. Names of headers are in lower
    case, and no two are equal; their values are checked when they are rendered.
    """

    operation: str
    """S3's name of the call."""
    method: str
    url: S3Url
    query: Pairs = ()
    headers: Pairs = ()
    body: Sequence[bytes | memoryview] = ()
    of_bucket: bool = False
    """True if the bucket is the target; then ``url.key`` is not in the path, at most a prefix."""

    def with_headers(self, headers: Pairs) -> Request:
        """Return the same request with further headers."""
        return self._replace(headers=(*self.headers, *headers))

    def __repr__(self) -> str:
        """Show what is asked, and no header: one may be a customer's key."""
        return f"<Request {self.operation} {str(self.url)!r}>"


def path_of(request: Request, endpoint: EndpointSettings) -> str:
    """Return the path of ``request`` at ``endpoint``, percent-encoded as S3 signs it.

    ``/`` and what RFC 3986 calls unreserved stay; nothing is collapsed. Raises InvalidPathError for a key that has no
    UTF-8 form.
    """
    url = request.url
    path = endpoint.base_path
    if not endpoint.bucket_in_host:
        path += f"/{_in_query(url.bucket)}"
    if request.of_bucket:
        return path or "/"
    key = url.key
    if _PLAIN_KEY(key):
        return f"{path}/{key}"
    try:
        return f"{path}/{quote(key, safe='/~')}"
    except UnicodeEncodeError as error:
        message = f"{request.operation} {str(url)!r}: the key is not valid Unicode, so it has no UTF-8 form"
        raise InvalidPathError(message, path=str(url), operation=request.operation) from error


def query_of(request: Request) -> str:
    """Return the query of ``request``, percent-encoded and in the order in which it is signed."""
    if not request.query:
        return ""
    try:
        return encoded(request.query)
    except UnicodeEncodeError as error:
        message = f"{request.operation} {str(request.url)!r}: a key, prefix or token is not valid Unicode"
        raise InvalidPathError(message, path=str(request.url), operation=request.operation) from error


def encoded(query: Iterable[tuple[str, str]]) -> str:
    """Return the pairs of a query percent-encoded, in the order of SigV4: by name, then by value, both encoded."""
    pairs = sorted([(_in_query(name), _in_query(value)) for name, value in query])
    return "&".join([f"{name}={value}" for name, value in pairs])


def _in_query(value: str) -> str:
    """Encode all but unreserved characters. A listing's keys that are not UTF-8 may be where the next one begins."""
    return value if _PLAIN_VALUE(value) else quote(value, safe="~", errors="surrogateescape")


_STORAGE_CLASS = "x-amz-storage-class"
_CHECKSUM_MODE = ("x-amz-checksum-mode", "ENABLED")


def get_object(
    url: S3Url, *, start: int, stop: int | None, options: GetOptions, with_checksums: bool = True
) -> Request:
    """Ask for the bytes ``[start, stop)``; with ``stop=None`` and ``start=0`` for all, without a range.

    A negative ``start`` requests that number of bytes from the end, and takes no ``stop``.
    """
    headers = _get_headers(options)
    if start < 0:
        headers.append(("range", f"bytes={start}"))
    elif start or stop is not None:
        headers.append(("range", f"bytes={start}-" if stop is None else f"bytes={start}-{stop - 1}"))
    if with_checksums:
        headers.append(_CHECKSUM_MODE)
    return Request("GetObject", "GET", url, _version(options.version_id), tuple(headers))


def head_object(url: S3Url, options: GetOptions, *, with_checksums: bool = True) -> Request:
    """Ask for the description of one object."""
    headers = _get_headers(options)
    if with_checksums:
        headers.append(_CHECKSUM_MODE)
    return Request("HeadObject", "HEAD", url, _version(options.version_id), tuple(headers))


def put_object(
    url: S3Url,
    body: Sequence[bytes | memoryview],
    *,
    options: PutOptions,
    condition: Precondition,
    checksum: Checksum | None,
) -> Request:
    """Store a whole object."""
    headers = (*_put_headers(options), *_precondition_headers(condition), *_checksum_headers(checksum))
    return Request("PutObject", "PUT", url, (), headers, body)


def create_multipart_upload(url: S3Url, options: PutOptions, algorithm: str | None) -> Request:
    """Begin a multipart upload; ``algorithm`` announces a whole-object checksum."""
    headers = _put_headers(options)
    if algorithm:
        headers += [("x-amz-checksum-algorithm", algorithm), ("x-amz-checksum-type", "FULL_OBJECT")]
    return Request("CreateMultipartUpload", "POST", url, (("uploads", ""),), tuple(headers))


def upload_part(
    url: S3Url,
    upload_id: str,
    number: int,
    body: Sequence[bytes | memoryview],
    *,
    options: PutOptions,
    checksum: Checksum | None,
) -> Request:
    """Send one part; ``number`` is 1 to 10,000."""
    headers = (*_customer_key(options.sse_customer_key), *_checksum_headers(checksum))
    return Request("UploadPart", "PUT", url, _part(upload_id, number), headers, body)


def upload_part_copy(url: S3Url, upload_id: str, number: int, source: PartSource) -> Request:
    """Make one part of the bytes of another object."""
    headers = [
        ("x-amz-copy-source", copy_source(source.url)),
        ("x-amz-copy-source-range", f"bytes={source.start}-{source.stop - 1}"),
        *_customer_key(source.sse_customer_key),
        *_customer_key(source.sse_customer_key, "x-amz-copy-source-server-side-encryption-customer"),
    ]
    if source.if_match is not None:
        headers.append(("x-amz-copy-source-if-match", source.if_match.strip('"')))
    return Request("UploadPartCopy", "PUT", url, _part(upload_id, number), tuple(headers))


def complete_multipart_upload(
    url: S3Url,
    upload_id: str,
    parts: Sequence[Part],
    *,
    options: PutOptions,
    condition: Precondition,
    checksum: Checksum | None,
) -> Request:
    """Make one object of the parts, in the order of their numbers."""
    headers = [
        *_customer_key(options.sse_customer_key),
        *_precondition_headers(condition),
        *_checksum_headers(checksum),
    ]
    if checksum is not None:
        headers.append(("x-amz-checksum-type", "FULL_OBJECT"))
    part_elements = "".join(_part_element(part) for part in sorted(parts, key=lambda part: part.number))
    body = f'<CompleteMultipartUpload xmlns="{XML_NAMESPACE}">{part_elements}</CompleteMultipartUpload>'.encode()
    query = (("uploadId", upload_id),)
    return Request("CompleteMultipartUpload", "POST", url, query, tuple(headers), (body,))


def abort_multipart_upload(url: S3Url, upload_id: str) -> Request:
    """Forget an upload and its parts."""
    return Request("AbortMultipartUpload", "DELETE", url, (("uploadId", upload_id),))


def list_objects(
    url: S3Url, *, delimiter: str = "", token: str | None = None, start_after: str = "", max_keys: int = MAX_KEYS
) -> Request:
    """Ask for one page of the keys that begin with ``url.key``."""
    query = [("encoding-type", "url"), ("list-type", "2"), ("max-keys", str(max_keys)), ("prefix", url.key)]
    if delimiter:
        query.append(("delimiter", delimiter))
    if token:
        query.append(("continuation-token", token))
    elif start_after:
        query.append(("start-after", start_after))
    return Request("ListObjectsV2", "GET", url, tuple(query), of_bucket=True)


def list_buckets(url: S3Url, token: str | None) -> Request:
    """Ask for one page of the account's buckets; ``url`` names none."""
    query = () if token is None else (("continuation-token", token),)
    return Request("ListBuckets", "GET", url, query, of_bucket=True)


def head_bucket(url: S3Url) -> Request:
    """Ask whether the bucket is there and may be used."""
    return Request("HeadBucket", "HEAD", url, of_bucket=True)


def delete_object(url: S3Url, version_id: str | None = None, if_match: str | None = None) -> Request:
    """Delete one object; ``if_match`` is the ETag that it must have."""
    headers = () if if_match is None else (("if-match", quote_etag(if_match)),)
    return Request("DeleteObject", "DELETE", url, _version(version_id), headers)


def delete_objects(url: S3Url, keys: Sequence[str], if_match: Mapping[str, str] | None = None) -> Request:
    """Delete up to 1,000 objects of the bucket; the response names each of them, for its silence would prove nothing.

    ``if_match`` has the ETag that the object of a key must have.

    Raises InvalidPathError for a key that XML cannot hold, or may change: it must be deleted on its own.
    """
    _, misfits = split_xml_safe(keys)
    if misfits:
        message = f"DeleteObjects {url}: XML cannot hold the key {misfits[0]!r}; delete that object on its own"
        raise InvalidPathError(message, path=str(url), operation="DeleteObjects")
    etags = if_match or {}
    listed = "".join(
        f"<Object><Key>{key.translate(_ESCAPES)}</Key>{_etag_element(etags.get(key))}</Object>" for key in keys
    )
    body = f'<Delete xmlns="{XML_NAMESPACE}">{listed}<Quiet>false</Quiet></Delete>'.encode()
    headers = (("content-md5", md5_base64(body)),)
    return Request("DeleteObjects", "POST", url, (("delete", ""),), headers, (body,), of_bucket=True)


def _etag_element(etag: str | None) -> str:
    return "" if etag is None else f"<ETag>{quote_etag(etag).translate(_ESCAPES)}</ETag>"


def copy_object(source: S3Url, target: S3Url, *, options: PutOptions | None, terms: CopyOptions) -> Request:
    """Copy an object of up to 5 GiB; ``options`` replaces its metadata, and tags if any are given."""
    version = "" if terms.version_id is None else f"?versionId={quote(terms.version_id, safe='')}"
    headers = [("x-amz-copy-source", copy_source(source) + version)]
    if options is None:
        headers.append(("x-amz-metadata-directive", "COPY"))
    else:
        headers += [*_put_headers(options), ("x-amz-metadata-directive", "REPLACE")]
        if options.tags:
            headers.append(("x-amz-tagging-directive", "REPLACE"))
    if terms.if_match is not None:
        headers.append(("x-amz-copy-source-if-match", terms.if_match.strip('"')))
    if terms.storage_class is not None:
        headers = [pair for pair in headers if pair[0] != _STORAGE_CLASS]
        headers.append((_STORAGE_CLASS, terms.storage_class))
    return Request("CopyObject", "PUT", target, (), (*headers, *_precondition_headers(terms.condition)))


def copy_source(source: S3Url) -> str:
    """Return the header that names the source of a copy; raise InvalidPathError if its key has no UTF-8 form."""
    between = "/object/" if is_arn(source.bucket) else "/"
    try:
        return quote(f"{source.bucket}{between}{source.key}", safe="/~")
    except UnicodeEncodeError as error:
        message = f"CopyObject {str(source)!r}: the key is not valid Unicode, so it has no UTF-8 form"
        raise InvalidPathError(message, path=str(source), operation="CopyObject") from error


def _version(version_id: str | None) -> Pairs:
    return () if version_id is None else (("versionId", version_id),)


def _part(upload_id: str, number: int) -> Pairs:
    return (("partNumber", str(number)), ("uploadId", upload_id))


def _part_element(part: Part) -> str:
    checksum = part.checksum
    name = f"Checksum{checksum.algorithm}" if checksum else ""
    checked = f"<{name}>{checksum.value.translate(_ESCAPES)}</{name}>" if checksum else ""
    return f"<Part><PartNumber>{part.number}</PartNumber>{_etag_element(part.etag)}{checked}</Part>"


def _get_headers(options: GetOptions) -> list[tuple[str, str]]:
    headers = [] if options.sse_customer_key is None else _customer_key(options.sse_customer_key)
    if options.if_match is not None:
        headers.append(("if-match", quote_etag(options.if_match)))
    return headers


def _put_headers(options: PutOptions) -> list[tuple[str, str]]:
    plain = (
        ("content-type", options.content_type),
        ("content-encoding", options.content_encoding),
        ("content-disposition", options.content_disposition),
        ("content-language", options.content_language),
        ("cache-control", options.cache_control),
        ("expires", options.expires),
        (_STORAGE_CLASS, options.storage_class),
        ("x-amz-acl", options.acl),
        ("x-amz-tagging", urlencode(options.tags, quote_via=quote) if options.tags else None),
        (ENCRYPTION, options.sse),
        (KMS_KEY, options.sse_kms_key_id),
        (BUCKET_KEY, options.sse_bucket_key),
        (REDIRECT, options.website_redirect),
    )
    headers = [(name, value) for name, value in plain if value is not None]
    if options.metadata:
        value_of = _as_stored if options.metadata_as_stored else _check_metadata
        headers += {
            f"x-amz-meta-{name.lower()}": value_of(name, value) for name, value in options.metadata.items()
        }.items()
    return headers + _customer_key(options.sse_customer_key)


def _as_stored(_name: str, value: str) -> str:
    return value


def _check_metadata(name: str, value: str) -> str:
    """Return the value of one item of user metadata; raise ConfigError if no header can keep it."""
    if not _TOKEN.fullmatch(name):
        message = f"Metadata cannot be named {name!r}: only ASCII letters, digits and !#$%&'*+-.^_`|~ can"
        raise ConfigError(message)
    if not value.isascii():
        message = f"Metadata {name!r} cannot be {value!r}: S3 keeps ASCII only; encode it, for example with base64"
        raise ConfigError(message)
    return value


def _customer_key(key: bytes | None, prefix: str = "x-amz-server-side-encryption-customer") -> list[tuple[str, str]]:
    if key is None:
        return []
    return [
        (f"{prefix}-algorithm", "AES256"),
        (f"{prefix}-key", base64.b64encode(key).decode("ascii")),
        (f"{prefix}-key-md5", md5_base64(key)),
    ]


def _precondition_headers(condition: Precondition) -> list[tuple[str, str]]:
    """Say the condition of a write; the ETag without quotes, because radosgw rejects them and Amazon wants none."""
    headers = []
    if condition.if_match is not None:
        headers.append(("if-match", condition.if_match.strip('"')))
    if condition.if_absent:
        headers.append(("if-none-match", "*"))
    return headers


def _checksum_headers(checksum: Checksum | None) -> Pairs:
    if checksum is None:
        return ()
    name = "content-md5" if checksum.algorithm == MD5 else f"x-amz-checksum-{checksum.algorithm.lower()}"
    return ((name, checksum.value),)
