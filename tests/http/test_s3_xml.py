"""S3's documents: a page is what ElementTree makes of it, and what a server sends raises nothing but our errors."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from urllib.parse import quote, unquote_plus
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from aios3._backend import DeleteFailure
from aios3._http import s3_xml
from aios3._http.http_dates import parse_time
from aios3._http.request_sender import MAX_RESPONSE_BYTES
from aios3._http.xml import NotXMLError, parse_xml, unescape
from aios3.errors import AccessDeniedError, S3Error, ServerError, ThrottledError
from scripted import xml
from thorough import examples

PATH = "s3://bucket/p"
ENTRY = "<LastModified>2015-10-21T07:28:00.000Z</LastModified><ETag>&quot;{0}&quot;</ETag><Size>{0}</Size>"


def amazons(*keys: str, encoding: str = "<EncodingType>url</EncodingType>", around: str = "") -> bytes:
    """Build a page as Amazon writes it."""
    contents = "".join(
        f"<Contents><Key>{key}</Key>{ENTRY.format(number)}<StorageClass>STANDARD</StorageClass></Contents>"
        for number, key in enumerate(keys)
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
        f"<Name>bucket</Name><Prefix></Prefix><IsTruncated>false</IsTruncated>{encoding}{contents}{around}"
        "</ListBucketResult>"
    ).encode()


def fits(body: bytes) -> bool:
    return s3_xml._match_flat(body) is not None


def oracle(body: bytes):
    """Read a page in the plainest way."""
    root = ET.fromstring(body.decode())
    for element in root.iter():
        element.tag = element.tag.partition("}")[2] or element.tag
    encoded = root.findtext("EncodingType") == "url"

    def name(text):
        return unquote_plus(text, errors="surrogateescape") if encoded else text

    keys = [name(each.findtext("Key") or "") for each in root.iterfind("Contents")]
    prefixes = [name(each.findtext("Prefix") or "") for each in root.iterfind("CommonPrefixes")]
    stats = [
        (
            int(each.findtext("Size") or 0),
            (each.findtext("ETag") or "").strip('"') or None,
            each.findtext("StorageClass"),
        )
        for each in root.iterfind("Contents")
    ]
    return keys, prefixes, stats


def read(body: bytes):
    page = s3_xml.list_page(body, None, PATH)
    return list(page.keys), list(page.prefixes), [(stat.size, stat.etag, stat.storage_class) for stat in page.stats]


# Pages in all the forms that XML has: Amazon's own is only one of them.

TEXT = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff") | st.sampled_from("&<>%+/ \n\t"),
    max_size=8,
)
SPACE = st.sampled_from(["", "", "", "\n  ", " ", "\t"])


@st.composite
def character_data(draw, texts=TEXT, plain=False):
    """Write a text in one of the ways in which XML can say it."""
    text = draw(texts)
    if plain:
        return escape(text)
    ways = {
        "escaped": lambda: escape(text, {'"': "&quot;"}),
        "numbers": lambda: "".join(f"&#{ord(each)};" for each in text),
        "hexadecimal": lambda: "".join(f"&#x{ord(each):X};" for each in text),
        "cdata": lambda: "<![CDATA[" + text.replace("]]>", "]]]]><![CDATA[>") + "]]>",
        "comment": lambda: escape(text) + "<!-- <Key>no</Key> -->",
        "instruction": lambda: escape(text) + "<?no <Key>no</Key>?>",
    }
    chosen = draw(st.sampled_from(["escaped"] * 6 + ["numbers", "hexadecimal", "cdata", "comment", "instruction"]))
    return ways[chosen]()


QUOTED = st.text(st.sampled_from("ab/ é🙂&<+%\xff"), max_size=6).map(
    lambda text: "".join(f"%{byte:02X}" for byte in text.encode()) if "%" not in text else text
)
ESCAPED = st.lists(
    st.sampled_from(["a", "/", "+", "%2F", "%2f", "%", "%25", "%C3%A9", "%c3", "%FF", "%00", "%zz", "é", "&"]),
    max_size=8,
)
NAMES = TEXT | QUOTED | ESCAPED.map("".join)


@st.composite
def contents(draw, prefix, plain):
    """One Contents: key first or not, with more or fewer children, owners and attributes."""
    key = f"<{prefix}Key>{draw(character_data(NAMES, plain))}</{prefix}Key>"
    etag = draw(st.sampled_from(["", "&quot;e&quot;", '"e"', "&#34;e&#34;", "&amp;quot;"]))
    others = [
        f"<{prefix}Size>{draw(st.integers(0, 9))}</{prefix}Size>",
        f"<{prefix}ETag>{etag}</{prefix}ETag>",
        f"<{prefix}StorageClass>GLACIER</{prefix}StorageClass>",
        f"<{prefix}LastModified>2015-10-21T07:28:00.000Z</{prefix}LastModified>",
        f"<{prefix}Owner><{prefix}ID>1</{prefix}ID><{prefix}Key>no</{prefix}Key><{prefix}Size>7</{prefix}Size></{prefix}Owner>",
        f'<{prefix}RestoreStatus a="1"/>',
        f"<{prefix}Size/>",
    ]
    rest = draw(st.lists(st.sampled_from(others), max_size=4, unique=True))
    pieces = [key, *rest] if draw(st.booleans()) else draw(st.permutations([key, *rest]))
    attribute = "" if plain else draw(st.sampled_from(["", "", ' a="<![x"'.replace("<", "&lt;"), " b='>'"]))
    space = draw(SPACE)
    return f"<{prefix}Contents{attribute}>{space}{space.join(pieces)}{space}</{prefix}Contents>"


@st.composite
def pages(draw):
    """A list of objects, well formed, in any of XML's forms."""
    plain = draw(st.booleans())
    prefix = "" if plain else draw(st.sampled_from(["", "", "s:"]))
    namespace = draw(st.sampled_from(["", ' xmlns="http://s3.amazonaws.com/doc/2006-03-01/"', ' a="b>"']))
    namespace += ' xmlns:s="urn:s"' if prefix else ""
    space = draw(SPACE)
    objects = draw(st.lists(contents(prefix, plain), max_size=4))
    common = [
        f"<{prefix}CommonPrefixes><{prefix}Prefix>{each}</{prefix}Prefix></{prefix}CommonPrefixes>"
        for each in draw(st.lists(character_data(NAMES, plain), max_size=2))
    ]
    others = [
        f"<{prefix}Name>b</{prefix}Name>",
        f"<{prefix}EncodingType>{draw(st.sampled_from(['url', 'url', 'none', '']))}</{prefix}EncodingType>",
        f"<{prefix}More><{prefix}Contents><{prefix}Key>no</{prefix}Key></{prefix}Contents></{prefix}More>",
        *([] if plain else ["<!-- <Contents><Key>no</Key></Contents> -->", "<?no <Contents><Key>?>"]),
    ]
    around = [
        f"<{prefix}IsTruncated>false</{prefix}IsTruncated>",
        *draw(st.lists(st.sampled_from(others), max_size=3, unique=True)),
    ]
    if plain:
        where = draw(st.integers(0, len(around)))
        children = [*around[:where], space.join(objects), *around[where:], *common]
    else:
        children = draw(st.permutations([*around, *objects, *common]))
    declaration = draw(st.sampled_from(["", '<?xml version="1.0" encoding="UTF-8"?>', "<?xml version='1.0'?>\n"]))
    root = f"{prefix}ListBucketResult"
    return f"{declaration}<{root}{namespace}>{space.join(children)}</{root}>{draw(SPACE)}".encode()


@settings(max_examples=examples(300), deadline=None)
@given(pages())
@example(amazons("a%2Fb", "a%252Fb", "%%2F", "%2%2F", "a+b", "%C3%A9%FF"))
@example(amazons("%00", "a%00%FF", "b"))
@example(amazons("a&amp;lt;", "&#x1F642;", "&#0065;", encoding=""))
def test_a_page_is_what_elementtree_makes_of_it(body):
    assert read(body) == oracle(body)


def test_the_pages_that_servers_send_are_cut_and_not_walked_through():
    page = amazons("a", "b", "c")
    assert fits(page)
    assert fits(amazons("a"))
    assert fits(page.replace(b"<Contents><Key>", b"<Contents>\n  <Key>").replace(b"</Contents>", b"</Contents>\n "))
    assert fits(amazons("what?", "wow!", "&lt;?!"))
    assert fits(amazons("a", around="<CommonPrefixes><Prefix>d/</Prefix></CommonPrefixes>"))
    assert not fits(amazons())


FIELDS = {
    "LastModified": "2015-10-21T07:28:00.000Z",
    "ETag": "&quot;a&#38;b&quot;",
    "ChecksumAlgorithm": "CRC64NVME",
    "ChecksumType": "FULL_OBJECT",
    "Size": "7",
    "StorageClass": "STANDARD",
}


@pytest.mark.parametrize("left_out", [None, *FIELDS])
@pytest.mark.parametrize("joint", ["", "\n  "])
@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize("storage_class", ["STANDARD", "STANDARD&amp;IA", ""])
def test_the_fields_of_an_object_may_come_in_any_form(left_out, joint, order, storage_class):
    fields = FIELDS | {"StorageClass": storage_class}
    texts = [f"<{name}>{text}</{name}>" for name, text in fields.items() if name != left_out][::order]
    body = amazons("a").replace(
        f"{ENTRY.format(0)}<StorageClass>STANDARD</StorageClass>".encode(), joint.join(["", *texts, ""]).encode()
    )
    assert fits(body)
    assert read(body) == oracle(body)


@pytest.mark.parametrize(
    "change",
    [
        (b"<Size>1</Size>", b"<Size>1</Size><!-- c -->"),
        (b"<Size>1</Size>", b"<Size>1</Size><?p ?>"),
        (b"<Key>b</Key>", b"<Key><![CDATA[b]]></Key>"),
        (b"<Key>b</Key>", b"<Key>b<x/></Key>"),
        (b"<Key>b</Key>", b"<Key>b\r\n</Key>"),
        (b"<Contents><Key>b</Key>", b"<Contents><x/><Key>b</Key>"),
        (b"<Contents><Key>b</Key>", b"<Contents a='1'><Key>b</Key>"),
        (b"<Contents><Key>b</Key>", b"<x/><Contents><Key>b</Key>"),
        (b"<Size>1</Size>", b"<x><Contents><Key>no</Key></Contents></x>"),
    ],
)
def test_pages_that_cannot_be_cut_are_walked_through(change):
    body = amazons("a", "b", "c").replace(*change)
    assert body != amazons("a", "b", "c")
    assert not fits(body)
    assert read(body) == oracle(body)


def test_objects_elsewhere_than_in_the_list_are_none():
    body = b"<R><Name>b</Name><x><Contents><Key>no</Key></Contents><Contents><Key>no</Key></Contents></x></R>"
    assert s3_xml.list_page(body, None, PATH).keys == []


def test_prefixes_that_the_root_declares_are_known_in_every_object():
    body = amazons("a", "b").replace(b"<ListBucketResult", b'<ListBucketResult xmlns:s="urn:s"', 1)
    body = body.replace(b"<Size>0</Size>", b"<s:Size>7</s:Size>")
    assert read(body) == oracle(body)
    assert read(body)[2][0][0] == 7


# What is no page.


def outcome(body: bytes, token: str | None = None):
    """Read a page and all that it describes; any error but ours fails the test."""
    try:
        page = s3_xml.list_page(body, token, PATH)
        return page.keys, page.prefixes, list(page.stats), page.token
    except S3Error as error:
        return type(error)


@given(st.binary(max_size=200))
@example(b"")
@example(b"<")
@example(b"\xff\xfe<\0R\0/\0>\0")
@example(b"<Contents><Key>")
@example(b"</Contents><Contents><Key></Key></Contents>")
def test_arbitrary_bytes_are_no_page(body):
    assert outcome(body) is ServerError
    assert s3_xml.error_document(body) is None


PIECES = [
    b"<",
    b">",
    b"</Contents>",
    b"<Contents>",
    b"<Key>",
    b"</Key>",
    b"<Contents><Key>",
    b"&",
    b"&#0;",
    b"&#xD800;",
]
PIECES += [
    b"&#99999999999;",
    b"&x;",
    b"<!--",
    b"]]>",
    b"<![CDATA[",
    b"<?",
    b"\0",
    b"\r",
    b"\xff",
    b"%00",
    b"<!DOCTYPE x>",
]


@st.composite
def damaged(draw):
    """A real page that was cut, overwritten, repeated or mixed up."""
    body = draw(
        st.just(amazons("a%2Fb", "c+d", "e&amp;f", around="<CommonPrefixes><Prefix>p</Prefix></CommonPrefixes>"))
        | pages()
    )
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(body)))
        stop = draw(st.integers(start, min(len(body), start + 40)))
        body = body[:start] + draw(st.sampled_from([*PIECES, body[start : start + 30], b""])) + body[stop:]
    return body


@settings(max_examples=examples(300), deadline=None)
@given(damaged())
def test_a_damaged_page_is_a_page_or_invalid(body):
    page = outcome(body)
    assert page is ServerError or page is AccessDeniedError or isinstance(page, tuple)
    try:
        expected = oracle(body)
    except (ET.ParseError, ValueError):
        return
    if isinstance(page, tuple) and b"<!DOCTYPE" not in body:
        assert (list(page[0]), list(page[1])) == expected[:2]


@given(st.integers(0, len(amazons("a", "b")) - 1))
def test_a_page_that_was_cut_short_is_invalid(length):
    assert outcome(amazons("a", "b")[:length]) is ServerError


BOMB = b"""<!DOCTYPE r [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>"""


@pytest.mark.parametrize(
    "document_type",
    [BOMB, b'<!DOCTYPE r SYSTEM "file:///etc/passwd">', b'<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]>'],
)
def test_documents_that_define_entities_are_rejected(document_type):
    for body in (
        amazons("&b;"),
        b"<ListBucketResult><Name>&b;</Name></ListBucketResult>",
        b"<Error><Code>&b;</Code></Error>",
    ):
        with_type = body.partition(b"?>\n")[0] + b"?>" + document_type + body.partition(b"?>\n")[2]
        for each in (with_type, document_type + body):
            assert outcome(each) is ServerError
            assert s3_xml.error_document(each) is None
            with pytest.raises(ServerError, match="invalid response"):
                s3_xml.result(each, "CopyObject", PATH)


def test_unknown_entities_are_invalid_wherever_they_stand():
    assert outcome(amazons("&b;", encoding="")) is ServerError
    page = s3_xml.list_page(amazons("a").replace(b"&quot;", b"&b;"), None, PATH)
    with pytest.raises(ServerError, match="invalid response"):
        page.stats[0]


def test_a_document_of_endless_depth_is_read_or_rejected():
    deep = b"<a>" * 100_000 + b"</a>" * 100_000
    assert outcome(deep) is ServerError
    assert outcome(b"<R><Name/>" + deep + b"</R>") == ([], [], [], None)


@given(st.text(max_size=10))
def test_references_are_resolved_as_a_parser_does(text):
    assume("<" not in text and "]]>" not in text and "\r" not in text)
    for each in (text, escape(text), f"&#{text};", f"&#x{text};", f"&{text};", f"{text}&quot;&apos;&amp;quot;"):
        try:
            expected = ET.fromstring(f"<a>{each}</a>").text or ""
        except (ET.ParseError, ValueError):
            continue
        assert unescape(each) == expected


@pytest.mark.parametrize(
    "text",
    [
        "&",
        "&a",
        "&a;",
        "&#;",
        "&#x;",
        "&#0;",
        "&#x110000;",
        "&#xD800;",
        "&#65536000000;",
        "&#65",
        "&AMP;",
        "&#-1;",
        "&#1;",
    ],
)
def test_references_that_no_parser_takes_are_rejected(text):
    with pytest.raises(NotXMLError):
        unescape(text)
    with pytest.raises(NotXMLError):
        parse_xml(f"<a>{text}</a>".encode())


# What a page says besides its keys.


@pytest.mark.parametrize("objects", [(), ("a",)])
def test_a_page_names_the_next_one(objects):
    more = "<NextContinuationToken>t+/=&amp;</NextContinuationToken>"
    body = amazons(*objects, around=more).replace(b"false", b"true")
    assert s3_xml.list_page(body, None, PATH).token == "t+/=&"
    assert s3_xml.list_page(body.replace(b"true", b"false"), None, PATH).token is None
    assert s3_xml.list_page(body.replace(b"true", b" True "), None, PATH).token == "t+/=&"


@pytest.mark.parametrize("objects", [(), ("a",)])
def test_a_listing_that_leads_back_to_the_same_page_does_not_loop(objects):
    more = "<NextContinuationToken>same</NextContinuationToken>"
    body = amazons(*objects, around=more).replace(b"false", b"true")
    with pytest.raises(ServerError, match="truncated"):
        s3_xml.list_page(body, "same", PATH)


@pytest.mark.parametrize("more", ["", "<NextContinuationToken/>"])
@pytest.mark.parametrize("objects", [(), ("a",)])
def test_a_page_that_does_not_say_how_to_continue_is_not_the_last(objects, more):
    body = amazons(*objects, around=more).replace(b"false", b"true")
    assert s3_xml.list_page(body, "same", PATH).token == ""


@pytest.mark.parametrize(("said", "token"), [(b"1", "t"), (b"0", None), (b"TRUE", "t"), (b"False", None)])
def test_a_boolean_is_read_as_any_server_writes_it(said, token):
    body = amazons("a", around="<NextContinuationToken>t</NextContinuationToken>").replace(b"false", said)
    assert s3_xml.list_page(body, None, PATH).token == token


def test_a_listing_whose_end_is_unclear_does_not_end():
    with pytest.raises(ServerError, match="neither"):
        s3_xml.list_page(amazons("a").replace(b"false", b"maybe"), None, PATH)


@pytest.mark.parametrize(
    "body", [b"<html>hello</html>", b"<ListBucketResult/>", b"<R><Contents><Size>1</Size></Contents></R>"]
)
def test_an_invalid_list_is_not_an_empty_list(body):
    assert outcome(body) is ServerError


def test_a_rejection_in_a_response_of_success_is_raised():
    body = xml("Error", Code="SlowDown", Message="because", RequestId="R1")
    for read_it in (
        lambda: s3_xml.list_page(body, None, PATH),
        lambda: s3_xml.result(body, "CopyObject", PATH),
        lambda: s3_xml.delete_failures(body, ["a"], PATH),
    ):
        with pytest.raises(ThrottledError, match="because") as caught:
            read_it()
        assert (caught.value.code, caught.value.request_id, caught.value.path) == ("SlowDown", "R1", PATH)


def test_descriptions_are_built_when_they_are_asked_for():
    page = s3_xml.list_page(amazons("a", "b").replace(b"<Size>1</Size>", b"<Size>x</Size>"), None, PATH)
    assert page.keys == ["a", "b"]
    assert (page.stats[0].size, page.stats[0].mtime, page.stats[0].etag) == (0, 1445412480.0, "0")
    assert len(page.stats) == 2
    assert list(page.stats[:1]) == [page.stats[0]]
    with pytest.raises(ServerError, match="size"):
        page.stats[1]
    with pytest.raises(IndexError):
        page.stats[2]


# The other documents.


def test_a_rejection_says_what_went_wrong_and_where_the_bucket_is():
    fields = {"Code": "PermanentRedirect", "Message": "m", "RequestId": "r", "Region": "eu-x", "Endpoint": "b.s3.eu-x"}
    expected = s3_xml.ErrorDocument("PermanentRedirect", "m", "r", "eu-x", "b.s3.eu-x")
    body = xml("Error", **fields)
    assert s3_xml.error_document(body) == expected
    assert s3_xml.error_document(body.replace(b"<Error>", b'<Error xmlns="urn:x">')) == expected
    assert s3_xml.error_document(b"<ErrorResponse>" + body.partition(b"?>")[2] + b"</ErrorResponse>") == expected
    assert s3_xml.error_document(b"<Error/>") == s3_xml.ErrorDocument("", "", "", "", "")


@pytest.mark.parametrize("body", [b"", b"no xml", b"<html>hello</html>", b"<Error><Code>", b"<Error>\xff</Error>"])
def test_a_body_that_is_not_s3s_says_nothing(body):
    assert s3_xml.error_document(body) is None


def test_a_result_is_its_texts_and_an_empty_body_is_none():
    body = xml("R", ETag="&quot;e&quot;", Empty="", ChecksumCRC32="AA==")
    assert s3_xml.result(body, "CopyObject", PATH) == {"ETag": '"e"', "Empty": "", "ChecksumCRC32": "AA=="}
    assert s3_xml.result(b"", "CopyObject", PATH) == {}
    with pytest.raises(ServerError, match="not XML"):
        s3_xml.result(b"<R><ETag>", "CopyObject", PATH)


def test_only_objects_that_are_still_there_count_as_not_deleted():
    failed = [("a&amp;b", "AccessDenied"), ("c", "NoSuchKey"), ("d", "InternalError")]
    body = b"".join(xml("Error", Key=key, Code=code, Message="m").partition(b"?>")[2] for key, code in failed)
    deleted = b"<Deleted><Key>e</Key></Deleted>"
    keys = ["a&b", "c", "d", "e", "f"]
    *said, unsaid = s3_xml.delete_failures(b"<DeleteResult>" + body + deleted + b"</DeleteResult>", keys, PATH)
    assert said == [DeleteFailure("a&b", "AccessDenied", "m"), DeleteFailure("d", "InternalError", "m")]
    assert (unsaid.key, unsaid.code) == ("f", "")
    assert s3_xml.delete_failures(b"<DeleteResult/>", [], PATH) == []


def test_directory_buckets_write_the_status_before_the_code():
    body = b"<DeleteResult><Error><Key>a</Key><Code>412 Precondition Failed</Code></Error></DeleteResult>"
    assert [each.code for each in s3_xml.delete_failures(body, ["a"], PATH)] == ["PreconditionFailed"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html/>",
        b"<DeleteResult/>",
        b"<DeleteResult><Deleted><Key>other</Key></Deleted></DeleteResult>",
        b"<DeleteResult><Error><Key>other</Key></Error></DeleteResult>",
    ],
)
def test_a_response_that_says_nothing_about_the_keys_is_not_their_deletion(body):
    with pytest.raises(ServerError, match="invalid response"):
        s3_xml.delete_failures(body, ["a"], PATH)


@given(st.datetimes(datetime(1970, 1, 1), datetime(9999, 1, 1)))  # noqa: DTZ001 - hypothesis wants them without zone
def test_times_are_read_in_all_forms(moment):
    moment = moment.replace(tzinfo=UTC, microsecond=moment.microsecond // 1000 * 1000)
    whole = moment.replace(microsecond=0)
    assert parse_time(moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")) == moment.timestamp()
    assert parse_time(whole.strftime("%a, %d %b ") + f"{whole.year:04} {whole:%H:%M:%S} GMT") == whole.timestamp()
    assert parse_time(whole.isoformat()) == parse_time(whole.replace(tzinfo=None).isoformat()) == whole.timestamp()


def test_other_zones_and_forms_count_too():
    assert parse_time("Wed, 21 Oct 2015 07:28:00 +0200") == 1445405280.0
    assert parse_time("Wednesday, 21-Oct-15 07:28:00 GMT") == 1445412480.0
    assert parse_time("Wed, 21 Oct 2015 07:28:00 -0000") == 1445412480.0


@given(st.text(max_size=30))
@example("")
@example("Wed, 41 Oct 2015 07:28:00 GMT")
@example("Wed, 21 Xxx 2015 07:28:00 GMT")
@example("Wed, 21 Oct 2015 27:28:00 GMT")
@example("1445412480")
def test_no_text_is_a_time_but_a_time(text):
    try:
        parse_time(text)
    except ValueError:
        return
    assert any(each.isdigit() for each in text)


def test_a_listing_of_the_largest_numbers_is_invalid_and_no_crash():
    digits = "9" * (sys.get_int_max_str_digits() + 1)
    body = amazons("a").replace(b"<Size>0</Size>", f"<Size>{digits}</Size>".encode())
    assert outcome(body) is ServerError


MAX_ID = "v" * 1024
MAX_KEYS = [f"{number:04}" + '"' * 1020 for number in range(1000)]
"""Of the bytes that S3 allows in a key, those that become longest in XML."""


def _longest_entry(key: str) -> str:
    """Return all that S3 may say of one object of a page."""
    return (
        f"<Contents><Key>{key}</Key><LastModified>2015-10-21T07:28:00.000Z</LastModified>"
        f"<ETag>&quot;{'f' * 32}-10000&quot;</ETag><ChecksumAlgorithm>CRC64NVME</ChecksumAlgorithm>"
        f"<ChecksumType>FULL_OBJECT</ChecksumType><Size>{5 << 40}</Size>"
        "<StorageClass>INTELLIGENT_TIERING</StorageClass>"
        f"<Owner><DisplayName>{'&amp;' * 64}</DisplayName><ID>{'f' * 64}</ID></Owner>"
        "<RestoreStatus><IsRestoreInProgress>false</IsRestoreInProgress>"
        "<RestoreExpiryDate>2015-10-21T07:28:00.000Z</RestoreExpiryDate></RestoreStatus></Contents>"
    )


def _escaped(key: str) -> str:
    return key.replace('"', "&quot;")


@pytest.mark.parametrize(("name", "encoding"), [(_escaped, ""), (quote, "<EncodingType>url</EncodingType>")])
def test_the_longest_page_that_s3_may_send_is_not_too_long(name, encoding):
    around = "".join(f"<{tag}>{name(MAX_KEYS[0])}</{tag}>" for tag in ("Prefix", "StartAfter", "Delimiter"))
    around += f"<NextContinuationToken>{MAX_ID}</NextContinuationToken>{encoding}"
    contents = "".join(_longest_entry(name(key)) for key in MAX_KEYS)
    body = f"<ListBucketResult>{around}{contents}</ListBucketResult>".encode()
    assert len(body) < MAX_RESPONSE_BYTES / 2
    assert list(s3_xml.list_page(body, None, PATH).keys) == MAX_KEYS


def test_the_longest_response_to_a_deletion_that_s3_may_send_is_not_too_long():
    why = "<Code>InternalError</Code><Message>" + "We encountered an internal error. " * 20 + "</Message>"
    rejected = "".join(
        f"<Error><Key>{_escaped(key)}</Key><VersionId>{MAX_ID}</VersionId>{why}</Error>" for key in MAX_KEYS
    )
    body = f"<DeleteResult>{rejected}</DeleteResult>".encode()
    assert len(body) < MAX_RESPONSE_BYTES / 2
    assert [each.key for each in s3_xml.delete_failures(body, MAX_KEYS, PATH)] == MAX_KEYS
