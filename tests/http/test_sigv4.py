"""SigV4: every signature is the one that botocore's signer makes, and no text from outside gets out of its place."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from unittest import mock
from urllib.parse import unquote

import pytest
from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.utils import percent_encode
from hypothesis import example, given, settings
from hypothesis import strategies as st

from aios3._backend import GetOptions
from aios3._http.requests import EndpointSettings, Request, get_object
from aios3._http.sigv4 import EMPTY_PAYLOAD, UNSIGNED_PAYLOAD, SigningCredentials, payload_hash, presign, render
from aios3._paths import S3Url
from aios3.errors import ConfigError, InvalidPathError

AWKWARD = ["a//b", "../a/./..", "%2F%", "a+b c", "é/🙂", "~*'()!:@,;=$&?#[]<>\"\\^`{|}", "/", "//", "\r\n\0\x7f", " a "]
KEYS = st.sampled_from(AWKWARD) | st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)
# botocore drops other white space than S3 does from values that are not ASCII, and so does the signer.
VALUES = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\x85"), max_size=20)
HEADERS = st.dictionaries(
    st.sampled_from(["range", "if-match", "content-type", "content-disposition", "x-amz-meta-a", "x-amz-meta-b.c"]),
    VALUES | st.sampled_from(["bytes=0-9", " a  b ", "a: b", "\ta\t\tb\t", ""]),
).map(lambda headers: tuple(headers.items()))
QUERIES = st.dictionaries(
    st.sampled_from(["uploads", "uploadId", "a", "a-b", "A", "prefix", "x y", "é"]),
    st.text(max_size=10).map(lambda text: "".join(filter(str.isprintable, text))),
).map(lambda query: tuple(query.items()))
REQUESTS = st.builds(
    Request,
    st.just("Operation"),
    st.sampled_from(["GET", "PUT", "HEAD", "POST", "DELETE"]),
    st.builds(S3Url, st.just("bucket"), KEYS),
    QUERIES,
    HEADERS,
    st.just(()),
    st.booleans(),
)
PLACES = st.builds(
    EndpointSettings,
    st.sampled_from(["http", "https"]),
    st.sampled_from(["127.0.0.1:9000", "bucket.s3.eu-north-1.amazonaws.com", "[::1]:8080", "localhost"]),
    st.sampled_from(["", "/x", "/x%20/y"]),
    st.booleans(),
    st.sampled_from(["us-east-1", "eu-north-1", "auto"]),
)
VISIBLE = st.characters(min_codepoint=33, max_codepoint=126)
SECRETS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=50)
IDENTITIES = st.builds(
    SigningCredentials, st.text(VISIBLE, min_size=1), SECRETS, st.none() | st.text(VISIBLE, min_size=1, max_size=60)
)
MOMENTS = st.integers(946_684_800, 4_070_908_800).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))
PLAIN = EndpointSettings("http", "host", "", bucket_in_host=False, region="us-east-1")
ME = SigningCredentials("AKIA", "s")


class Rendered:
    """The head of a message, taken apart as a server does."""

    def __init__(self, head: bytes) -> None:
        assert head.endswith(b"\r\n\r\n")
        first, *lines = head[:-4].decode().split("\r\n")
        self.method, self.target, self.version = first.split(" ")
        self.headers = [tuple(line.split(":", 1)) for line in lines]
        names = [name for name, _ in self.headers]
        assert len(names) == len(set(names))
        self.values = dict(self.headers)


def botocores(signer, request, place, identity, moment, **headers):
    """Let one of botocore's signers sign the same request, and return it with its canonical form."""
    target = "" if place.bucket_in_host else "/bucket"
    if not request.of_bucket:
        target += "/" + percent_encode(request.url.key, safe="/~")
    url = f"{place.scheme}://{place.host}{place.base_path}{target or ('' if place.base_path else '/')}"
    sent = dict(request.headers) | headers
    theirs = AWSRequest(request.method, url, headers=sent, params=dict(request.query))
    credentials = Credentials(identity.access_key, identity.secret_key, identity.session_token)
    naive = moment.replace(tzinfo=None)
    with mock.patch("botocore.auth.get_current_datetime", return_value=naive):
        signer = signer(credentials, "s3", place.region)
        signer.add_auth(theirs)
    return theirs


@settings(deadline=None)
@given(REQUESTS, PLACES, IDENTITIES, MOMENTS)
def test_a_head_is_signed_as_botocore_signs_it(request, place, identity, moment):
    head = render(request, place, identity, payload_hash=EMPTY_PAYLOAD, now=moment.timestamp())
    theirs = botocores(S3SigV4Auth, request, place, identity, moment)
    ours = Rendered(head)
    assert ours.values["authorization"] == theirs.headers["Authorization"]
    assert ours.values["x-amz-date"] == theirs.headers["X-Amz-Date"]
    assert ours.values.get("x-amz-security-token") == identity.session_token
    assert ours.values["host"] == place.host
    assert {name: ours.values[name] for name, _ in request.headers} == dict(request.headers)
    assert ours.target.partition("?")[0] == theirs.url.removeprefix(f"{place.scheme}://{place.host}")


@settings(deadline=None)
@given(REQUESTS, PLACES, IDENTITIES, MOMENTS, st.integers(1, 604_800))
def test_a_url_is_signed_as_botocore_signs_it(request, place, identity, moment, seconds):
    request = request._replace(query=tuple(sorted(request.query)))
    url = presign(request, place, identity, expires_seconds=seconds, now=moment.timestamp())

    def signer(*arguments):
        return S3SigV4QueryAuth(*arguments, expires=seconds)

    theirs = botocores(signer, request, place, identity, moment).url
    assert sorted(url.split("?")[1].split("&")) == sorted(theirs.split("?")[1].split("&"))
    assert url.partition("?")[0] == theirs.partition("?")[0]
    assert url.rpartition("&")[2].startswith("X-Amz-Signature=")


@given(REQUESTS, PLACES, st.lists(st.binary(max_size=50), max_size=3))
def test_requests_without_credentials_are_sent_unsigned(request, place, pieces):
    request = request._replace(body=pieces)
    ours = Rendered(render(request, place, None, payload_hash=payload_hash(pieces), now=0))
    assert not {name for name in ours.values if name.startswith("x-amz-") and not name.startswith("x-amz-meta-")}
    assert "authorization" not in ours.values
    length = ours.values.get("content-length")
    assert length == (str(len(b"".join(pieces))) if request.method in {"PUT", "POST"} else None)
    url = presign(request, place, None, expires_seconds=1, now=0)
    assert url == f"{place.scheme}://{place.host}{ours.target}"


@given(st.lists(st.binary(max_size=50)))
def test_the_hash_of_pieces_is_that_of_the_whole(pieces):
    assert payload_hash(map(memoryview, pieces)) == hashlib.sha256(b"".join(pieces)).hexdigest()


def test_the_hash_of_the_body_is_signed_and_sent():
    request = Request("PutObject", "PUT", S3Url("bucket", "key"), body=(b"abc", memoryview(b"d")))
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    for place in (PLAIN, EndpointSettings("https", "host", "", bucket_in_host=False, region="us-east-1")):
        for hashed in (payload_hash(request.body), UNSIGNED_PAYLOAD):
            head = render(request, place, ME, payload_hash=hashed, now=moment.timestamp())
            with mock.patch.object(S3SigV4Auth, "payload", lambda _self, _request, hashed=hashed: hashed):
                theirs = botocores(S3SigV4Auth, request, place, ME, moment)
            assert Rendered(head).values["authorization"] == theirs.headers["Authorization"]
            assert Rendered(head).values["x-amz-content-sha256"] == hashed
            assert Rendered(head).values["content-length"] == "4"


def test_lengths_count_bytes_and_not_items():
    words = memoryview(bytearray(16)).cast("I")
    request = Request("PutObject", "PUT", S3Url("bucket", "key"), body=(words, b"1"))
    assert Rendered(render(request, PLAIN, ME, payload_hash=UNSIGNED_PAYLOAD, now=0)).values["content-length"] == "17"


def test_what_a_proxy_may_change_is_sent_and_not_signed():
    request = Request("HeadObject", "HEAD", S3Url("bucket", "key"))
    head = Rendered(render(request, PLAIN, ME, payload_hash=EMPTY_PAYLOAD, now=0))
    assert head.values["user-agent"] == "aios3"
    assert head.values["accept-encoding"] == "identity"
    signed = head.values["authorization"].partition("SignedHeaders=")[2].partition(",")[0]
    assert signed == "host;x-amz-content-sha256;x-amz-date"


def test_keys_of_one_day_and_region_are_not_those_of_another():
    request = Request("HeadObject", "HEAD", S3Url("bucket", "key"))
    here = PLAIN
    there = EndpointSettings("http", "host", "", bucket_in_host=False, region="eu-north-1")
    for place, identity, day in [
        (here, ME, 1),
        (there, ME, 1),
        (here, SigningCredentials("AKIA", "t"), 1),
        (here, ME, 2),
    ] * 2:
        moment = datetime(2026, 1, day, tzinfo=UTC)
        head = render(request, place, identity, payload_hash=EMPTY_PAYLOAD, now=moment.timestamp())
        theirs = botocores(S3SigV4Auth, request, place, identity, moment)
        assert Rendered(head).values["authorization"] == theirs.headers["Authorization"]


BREAKING = st.sampled_from(["\r\nx-evil: 1", "\n", "\r", "\0", "a\r\n\r\nGET / HTTP/1.1", "\udce9"])


@given(st.text(max_size=5), BREAKING, st.text(max_size=5))
@example("", "\r\n", "")
def test_no_value_becomes_a_second_header(before, breaking, after):
    value = before + breaking + after
    request = Request("PutObject", "PUT", S3Url("bucket", "key"), headers=(("x-amz-meta-a", value),))
    for identity in (ME, None):
        with pytest.raises(ConfigError, match="No header can hold"):
            render(request, PLAIN, identity, payload_hash=EMPTY_PAYLOAD, now=0)
    with pytest.raises(ConfigError, match="No header can hold"):
        presign(request._replace(headers=(("range", value),)), PLAIN, ME, expires_seconds=1, now=0)


@given(
    st.text(st.characters(exclude_categories=["Cs"])),
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1),
    st.text(),
)
@example("k\r\nx: y", "b\r\nx: y", "v HTTP/1.1\r\nx: y")
def test_no_key_bucket_or_version_gets_out_of_the_request_line(key, bucket, version):
    try:
        version.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        version = ""
    url = S3Url(bucket, key)
    request = get_object(url, start=0, stop=9, options=GetOptions(version_id=version))
    ours = Rendered(render(request, PLAIN, ME, payload_hash=EMPTY_PAYLOAD, now=0))
    path, _, query = ours.target.partition("?")
    assert (ours.method, ours.version) == ("GET", "HTTP/1.1")
    assert path.isascii()
    assert path.isprintable()
    assert unquote(path) == f"/{bucket}/{key}"
    assert unquote(query, errors="surrogateescape") == f"versionId={version}"


def test_a_key_without_bytes_is_said_to_be_one():
    request = get_object(S3Url("bucket", "a\udcff"), start=0, stop=None, options=GetOptions())
    with pytest.raises(InvalidPathError, match="not valid Unicode"):
        render(request, PLAIN, ME, payload_hash=EMPTY_PAYLOAD, now=0)


@pytest.mark.parametrize(
    "change",
    [
        {"host": "host\r\nx: y"},
        {"host": "host/path"},
        {"host": "user@host"},
        {"host": ""},
        {"base_path": "x"},
        {"base_path": "/x\r\n"},
        {"base_path": "/x?"},
        {"base_path": "/x/"},
        {"region": "a/b"},
        {"region": "a\n"},
        {"region": ""},
        {"scheme": "ftp"},
    ],
)
def test_a_place_holds_nothing_that_could_break_a_request(change):
    fields = {"scheme": "http", "host": "host", "base_path": "", "bucket_in_host": False, "region": "r"}
    with pytest.raises(ConfigError, match="Not a place"):
        EndpointSettings(**{**fields, **change})


@pytest.mark.parametrize("identity", [("AKIA\r\nx: y", "s"), ("AKIA", "s", "token\n"), ("AKIÄ", "s"), ("A", "s", "é")])
def test_a_token_that_no_header_can_hold_is_rejected_and_not_shown(identity):
    with pytest.raises(ConfigError) as caught:
        SigningCredentials(*identity)
    assert not any(text in repr(caught.value) for text in identity if len(text) > 3)


def test_secrets_are_in_no_repr():
    identity = SigningCredentials("AKIA", "TOPSECRET", "TOPTOKEN")
    assert "TOP" not in repr(identity)
    assert "AKIA" in repr(identity)


def test_a_secret_that_has_no_bytes_still_signs_and_shows_nothing():
    request = Request("HeadObject", "HEAD", S3Url("bucket", "key"))
    head = render(request, PLAIN, SigningCredentials("AKIA", "\udce9"), payload_hash=EMPTY_PAYLOAD, now=0)
    assert b"Signature=" in head


@pytest.mark.parametrize("seconds", [0, -1, 604_801])
def test_a_url_that_lasts_longer_than_s3_allows_is_rejected(seconds):
    request = Request("GetObject", "GET", S3Url("bucket", "key"))
    with pytest.raises(ConfigError, match="seven days"):
        presign(request, PLAIN, ME, expires_seconds=seconds, now=0)
