"""What differs from a local file, test by test, and why."""

from __future__ import annotations

import sys
from dataclasses import dataclass

QUICK = ("test_csv", "test_fileinput", "test_bz2", "test_xml_etree")
"""Suites of a minute in all."""
SUITES = (
    "test_bz2", "test_codecs", "test_csv", "test_email", "test_file", "test_fileinput", "test_fileio", "test_gzip",
    "test_io", "test_json", "test_logging", "test_lzma", "test_mailbox", "test_pathlib", "test_pickle", "test_shelve",
    "test_tarfile", "test_wave", "test_xml_etree", "test_zipfile",
)  # fmt: skip
LEFT_OUT = {
    "test.test_io.*.test_large_file_ops": "uploads 2 GiB of zeros",
    "test.test_mailbox.*.test_lock_conflict": "uses an open file in a child that was forked, which cannot go to S3",
}
"""Tests that do not run, and why."""
ONLY_ON_DISK = {
    "test_mailbox": "each message is synchronised by its descriptor",
}
"""Suites that run with buffering="disk" only, and why."""

NO_SEEK = "what has been written is on its way, so nothing can be sought or cut without buffering="
RAW_NO_SEEK = "a raw file is written without a buffering= that could seek or cut"
NO_DESCRIPTOR = "an object has no file descriptor without buffering='disk'"
OWN_RECORDS = "the root logger is at DEBUG, and aios3 logs the requests that the log file makes, as any library does"
FILEIO = "the raw file is no io.FileIO, whose closefd is about descriptors"
RUNNER = "the runner has put another function in the place of io.open"
CLOSE = "the file is read while it is open for writing, and an object is there when it is closed"
COPY = "the file is changed by its path while it is open, and an open object is a copy"
WRITTEN_BACK = "the runner writes every file back when it is closed, which changes its time"
FSTAT = "the size of a file on disk is asked of os.fstat, which the test breaks"


@dataclass(frozen=True, slots=True)
class Difference:
    """Tests of one suite that differ, by a pattern of their names, and why."""

    suite: str
    test: str
    reason: str
    ways: tuple[str, ...] = ("default", "memory", "disk")
    since: tuple[int, int] = (3, 11)
    until: tuple[int, int] = (3, 99)

    def holds(self, way: str) -> bool:
        """Tell whether it is to be expected with this Python and way."""
        return way in self.ways and self.since <= sys.version_info[:2] <= self.until


def _each(
    suite: str, names: str, reason: str, *ways: str, since: tuple[int, int] = (3, 11), until: tuple[int, int] = (3, 99)
) -> list[Difference]:
    chosen = ways or ("default", "memory", "disk")
    return [Difference(suite, name, reason, chosen, since, until) for name in names.split()]


DIFFERENCES = (
    *_each("test_bz2", "BZ2FileTest.testFileno", NO_DESCRIPTOR, "default"),
    *_each("test_bz2", "BZ2FileTest.testOpenFileWithName", NO_DESCRIPTOR, "default", since=(3, 13)),
    *_each("test_gzip", "TestGzip.test_fileobj_with_name", NO_DESCRIPTOR, "default", since=(3, 13)),
    *_each(
        "test_lzma",
        "FileTestCase.test_read_from_file FileTestCase.test_read_from_fileobj FileTestCase.test_write_to_file "
        "FileTestCase.test_write_to_fileobj",
        NO_DESCRIPTOR,
        "default",
        since=(3, 13),
    ),
    *_each(
        "test_fileinput",
        "FileInputTests.test_fileno FileInputTests.test_readline_os_fstat_raises_OSError "
        "FileInputTests.test_readline_os_chmod_raises_OSError",
        NO_DESCRIPTOR,
        "default",
    ),
    *_each("test_fileinput", "FileInputTests.test_readline_os_fstat_raises_OSError", FSTAT, "disk"),
    *_each("test_fileio", "COtherFileTests.testInvalidFd PyOtherFileTests.testInvalidFd", NO_DESCRIPTOR, "default"),
    *_each(
        "test_gzip",
        "TestGzip.test_append TestGzip.test_buffered_reader TestGzip.test_io_on_closed_object TestGzip.test_mode "
        "TestGzip.test_paddedfile_getattr TestGzip.test_read TestGzip.test_read1 TestGzip.test_readline "
        "TestGzip.test_readlines TestGzip.test_seek_read TestGzip.test_seek_whence TestGzip.test_textio_readlines "
        "TestGzip.test_write",
        NO_DESCRIPTOR,
        "default",
    ),
    *_each(
        "test_io",
        "CIOTest.test_fspath_support CIOTest.test_opener_invalid_fd CIOTest.test_read_closed "
        "PyIOTest.test_opener_invalid_fd CMiscIOTest.test_attributes",
        NO_DESCRIPTOR,
        "default",
    ),
    *_each(
        "test_io",
        "CIOTest.test_buffered_file_io CTextIOWrapperTest.test_seek_append_bom "
        "CTextIOWrapperTest.test_seek_with_encoder_state",
        NO_SEEK,
        "default",
    ),
    *_each("test_io", "CBufferedWriterTest.test_truncate CIOTest.test_raw_file_io", RAW_NO_SEEK),
    *_each("test_io", "CIOTest.test_closefd_attr", FILEIO),
    *_each("test_io", "CMiscIOTest.test___all__", RUNNER),
    *_each(
        "test_logging",
        "BasicConfigTest.test_encoding_errors BasicConfigTest.test_encoding_errors_default "
        "BasicConfigTest.test_encoding_errors_none",
        OWN_RECORDS,
    ),
    *_each(
        "test_logging",
        "HandlerTest.test_builtin_handlers HandlerTest.test_race",
        NO_DESCRIPTOR,
        "default",
    ),
    *_each("test_logging", "HandlerTest.test_path_objects", NO_DESCRIPTOR, "default", until=(3, 12)),
    *_each("test_logging", "HandlerTest.test_pathlike_objects", NO_DESCRIPTOR, "default", since=(3, 13)),
    *_each(
        "test_logging",
        "BasicConfigTest.test_log_taskName ConfigDictTest.test_config_queue_handler",
        CLOSE,
        since=(3, 12),
    ),
    *_each(
        "test_logging",
        "RotatingFileHandlerTest.test_namer_rotator_inheritance RotatingFileHandlerTest.test_rollover_filenames "
        "RotatingFileHandlerTest.test_rotator RotatingFileHandlerTest.test_should_rollover",
        NO_SEEK,
        "default",
        until=(3, 12),
    ),
    *_each("test_lzma", "FileTestCase.test_fileno", NO_DESCRIPTOR, "default"),
    *_each(
        "test_tarfile",
        "GNUReadTest.test_sparse_file_00 GNUReadTest.test_sparse_file_01 GNUReadTest.test_sparse_file_10 "
        "GNUReadTest.test_sparse_file_old",
        NO_SEEK,
        "default",
    ),
    *_each("test_mailbox", "TestMH.test_pack TestMbox.test_message_separator", CLOSE, "disk"),
    *_each("test_mailbox", "TestMH.test_set_item TestMH.test_update", COPY, "disk"),
    *_each("test_mailbox", "TestMMDF.test_open_close_open TestMbox.test_open_close_open", WRITTEN_BACK, "disk"),
    *_each("test_tarfile", "PaxReadTest.test_pax_header_bad_formats", NO_SEEK, "default", since=(3, 13)),
    *_each(
        "test_wave",
        " ".join(
            f"WavePCM{bits}Test.test_{name}"
            for bits in (8, 16, 24, 32)
            for name in ("copy", "incompleted_write", "multiple_writes", "overflowed_write")
        ),
        NO_SEEK,
        "default",
    ),
    *_each(
        "test_wave",
        "WavePCM24ExtTest.test_copy WavePCM24ExtTest.test_incompleted_write WavePCM24ExtTest.test_multiple_writes "
        "WavePCM24ExtTest.test_overflowed_write",
        NO_SEEK,
        "default",
        since=(3, 12),
    ),
)
