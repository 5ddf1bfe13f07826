"""The words of the code are those of HTTP, S3, Python and asyncio; private ones that were replaced do not come back.

``CONTRIBUTING.md`` has the glossary. A line that needs one of these words, such as a
quotation, is marked ``keep-word``.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

PROSE = {
    r"answer(s|ed|ing)?": "response, responds (RFC 9110)",
    r"refusals?": "error response, rejection",
    r"(?<![Cc]onnection )(?<!connections )refus(e|es|ed|ing)(?! connections?| to\b)": "rejects, rejected",
    r"begun": "started",
    r"nonsense": "invalid response",
}
"""Words that neither text nor names have: response is HTTP's word, and "refused" means ECONNREFUSED."""

REFUSED = next(words for words in PROSE if "refus(" in words)

IDENTIFIERS = {
    "Spares": "BufferPool",
    "Crew": "WorkerPool",
    "CrewLimits": "WorkerLimits",
    "Habits": "ServerQuirks",
    "Pace": "BandwidthEstimator",
    "Growth": "SlowStart",
    "Slots": "AdaptiveLimiter",
    "Hedges": "Hedger",
    "Waits": "LatencyHistogram",
    "Sums": "RangeChecksums",
    "RunningPiece": "ChecksumRange",
    "SureTask": "ShieldedTask",
    "start_sure": "start_shielded",
    "run_elsewhere": "run_in_cleanup_thread",
    "try_take": "try_acquire",
    "give_back": "release",
    "unpark": "mark_in_flight",
    "join_one": "wait_any",
    "RETRY_BUDGET": "RETRY_QUOTA",
    "takes_checksums": "supports_checksums",
    "done_with": "mark_consumed",
    "droppable": "evictable",
    "at_hand": "cached, peek or buffered_body",
    "let_go": "release",
    "Wire": "HttpTransport",
    "WireBackend": "HttpBackend",
    "WireBody": "HttpBody",
    "Exchanges": "RequestSender",
    "Lessons": "Adaptations",
    "Sites": "EndpointCache",
    "Site": "BucketEndpoint",
    "Signers": "SigningContext",
    "Patience": "InactivityTimer",
    "Wakeups": "ReceiveLowWatermark",
    "ChunkedBody": "ChunkedDecoder",
    "refuse_junk": "check_prefix",
    "was_meant": "received_close_notify",
    "Keeper": "CredentialCache",
    "keeper": "credential_cache",
    "_keeper": "credential_cache",
    "keeper_of": "credential_cache_of",
    "ReadOptions": "GetOptions",
    "WriteOptions": "PutOptions",
    "CopyTerms": "CopyOptions",
    "at_amazon": "is_aws",
    "_at_amazon": "is_aws",
    "span_of": "parse_content_range",
    "tells_whole": "covers_object",
    "names_link": "is_symlink",
    "seconds_to_wait": "parse_retry_after",
    "split_keys": "split_xml_safe",
    "KEPT_HEADERS": "STORED_HEADERS",
    "says_nothing": "is_unexplained",
    "may_be_of_checksums": "may_reject_checksums",
    "plain_settings": "resolve_statically",
    "PlainSettings": "StaticSettings",
    "disown": "unregister",
    "remember_upload": "track_upload",
    "forget_upload": "untrack_upload",
    "abandon_upload": "abort_orphan",
    "late_failures": "deferred_errors",
    "seen_algorithm": "observed_checksum",
    "backend_at_hand": "cached_backend",
    "Holdings": "SessionResources",
    "region_named": "parse_region",
    "is_elsewhere": "is_wrong_region",
    "in_callers_thread": "run_in_caller_thread",
    "UnfollowingSession": "NoRedirectSession",
    "Following": "RegionRedirector",
    "KeptCredentials": "CachedCredentials",
    "refuse_breaks": "reject_control_characters",
    "make_fit": "repair_xml",
    "say_owners": "install_ownership",
    "on_own_loop": "run_in_private_loop",
    "own_request": "is_internal_request",
    "Telling": "HookTasks",
    "has_room": "reserve",
    "Tally": "OperationCounters or TransferCounters",
    "gives_up": "is_interrupted",
    "choose_way": "resolve_buffering",
    "open_end": "open_suffix",
    "read_at_once": "read_small",
    "Signposts": "DirectoryBounds",
    "Receipt": "DownloadJob",
    "Landing": "PartialFile",
    "Carrier": "FileCopier",
    "Begun": "ResumedUpload",
    "Inflation": "Decompressor",
    "find_end": "find_end_record",
    "LoseAnswer": "DropResponse",
    "Drip": "SlowBody",
    "linger_not": "disable_linger",
    "_undoing": "_abort_task",
    "place_to_write": "resolve_write_target",
    "Meter": "ProgressReporter",
    "Nesting": "FileConflicts",
    "from_answer": "from_response",
    "known_as": "error_alias",
    "_Race": "HedgedCall",
    "Transfer": "RangeRequest or TreeTransfer",
    "Directory": "EndpointCache",
}
"""Names that the code does not have, as whole identifiers."""

PATTERNS = {
    r"_?(MOST|LONGEST|LARGEST|WIDEST)_[A-Z_]+": "MAX_",
    r"_?(LEAST|SHORTEST|FEWEST|SMALLEST)_[A-Z_]+": "MIN_",
    r"_turn": "_lock",
}
"""Names by their form: what a limit and a lock are called."""

PACKAGES = {
    "_wire": "_http",
    r"_handles[./]source": "_handles/resumable_get",
    r"_engine[./]ranges": "_engine/range_fetcher",
    r"_engine[./]range_requests": "_engine/request_blocks",
    r"_http[./]http_transport": "_http/composition_root",
    r"_boto[./](asked|timing)": "_boto/boto3_credentials, _boto/clock_skew",
}
"""Packages and files that are called otherwise now, also in paths and in texts."""


def _sources() -> list[Path]:
    folders = ("src", "tests", "tools", "benchmarks", "fuzz", "examples")
    return [file for folder in folders for file in sorted((ROOT / folder).rglob("*.py")) if file != Path(__file__)]


def _pages() -> list[Path]:
    return [*sorted((ROOT / "docs").rglob("*.md")), ROOT / "README.md", ROOT / "CONTRIBUTING.md"]


def _bounded(words: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![A-Za-z])(?:{words})(?![A-Za-z])", re.IGNORECASE)


def _whole(names: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![A-Za-z0-9_])(?:{names})(?![A-Za-z0-9_])")


def old_words(text: str, pattern: re.Pattern[str]) -> list[tuple[int, str]]:
    """Return the lines with a word that was replaced, by their numbers, and the word."""
    if pattern.search(text) is None:
        return []
    lines = enumerate(text.splitlines(), start=1)
    return [(number, found[0]) for number, line in lines if "keep-word" not in line for found in pattern.finditer(line)]


def _check(files: list[Path], pattern: re.Pattern[str], replacement: str) -> None:
    found = [
        f"{file.relative_to(ROOT)}:{number}: {word}"
        for file in files
        for number, word in old_words(file.read_text(encoding="utf-8"), pattern)
    ]
    assert not found, f"say {replacement!r}:\n" + "\n".join(found[:40])


@pytest.mark.parametrize("words", PROSE)
def test_a_reader_meets_the_fields_word_in_code_and_guide(words):
    _check([*_sources(), *_pages()], _bounded(words), PROSE[words])


@pytest.mark.parametrize("name", PATTERNS)
def test_limits_and_locks_are_called_what_they_are(name):
    _check(_sources(), _whole(name), PATTERNS[name])


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_has_one_name(package):
    _check([*_sources(), *_pages(), ROOT / "pyproject.toml"], _whole(package), PACKAGES[package])


def _names() -> re.Pattern[str]:
    """Return what finds the identifiers; one that is an English word is only looked for where a class is made."""
    words = [name for name in IDENTIFIERS if re.fullmatch("[A-Z][a-z]+", name)]
    others = [name for name in IDENTIFIERS if name not in words]
    return _whole(f"(?<=class )(?:{'|'.join(words)})|(?:{'|'.join(others)})")


def test_private_words_do_not_come_back():
    pattern = _names()
    found = [
        f"{file.relative_to(ROOT)}:{number}: say {IDENTIFIERS[word]} instead of {word}"
        for file in _sources()
        for number, word in old_words(file.read_text(encoding="utf-8"), pattern)
    ]
    assert not found, "\n".join(found[:40])


HOMONYMS = frozenset({"asked", "found", "given", "kept", "known", "made", "meant", "piece", "place", "said", "taken"})
"""Names that said of a variable how it came about, and not what it is: each had several meanings."""


def _defined_names(tree: ast.AST) -> Iterator[tuple[str, int]]:
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()) | ast.arg(arg=name):
                yield name, node.lineno
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield name, node.lineno


def test_nothing_is_named_by_a_word_of_several_meanings():
    homonyms = [
        f"{file.relative_to(ROOT)}:{line}: {name}"
        for file in sorted((ROOT / "src").rglob("*.py"))
        for name, line in _defined_names(ast.parse(file.read_text(encoding="utf-8")))
        if name.strip("_").removesuffix("s") in HOMONYMS
    ]
    assert not homonyms, "say what it is:\n" + "\n".join(homonyms)


@pytest.mark.parametrize(
    "line", ["found = 1", "self._kept = 1", "def f(place): 1", "async def said(): 1", "pieces = 1"]
)
def test_a_word_of_several_meanings_is_seen_where_it_names_something(line):
    names = [name.strip("_").removesuffix("s") for name, _ in _defined_names(ast.parse(line))]
    assert HOMONYMS.intersection(names)


@pytest.mark.parametrize(
    ("line", "pattern", "is_found"),
    [
        ("def test_a_lost_answer_is_asked_for_again():", _bounded(r"answers?"), True),
        ("the server's answers come late", _bounded(r"answers?"), True),
        ("Answer to the request", _bounded(r"answers?"), True),
        ("the connection was refused", _bounded(REFUSED), True),
        ("connection refused", _bounded(REFUSED), False),
        ("self._turn = asyncio.Lock()", _whole("_turn"), True),
        ("self._return = None", _whole("_turn"), False),
        ("MOST_KEYS = 1000", _whole(r"_?(MOST|LONGEST)_[A-Z_]+"), True),
        ("class Crew(Generic[ItemT]):", _names(), True),
        ("crew = work.takes_checksums()", _names(), True),
        ("Growth is measured", _names(), False),
        ("an answer in a quotation  # keep-word", _bounded(r"answers?"), False),
    ],
)
def test_the_search_for_old_words_finds_them_where_they_stand(line, pattern, is_found):
    assert bool(old_words(line, pattern)) is is_found
