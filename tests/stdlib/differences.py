"""What differs from a local file, test by test, and why."""

from __future__ import annotations

import sys
from dataclasses import dataclass

QUICK = ("test_fileinput", "test_wave", "test_gzip", "test_csv")
SUITES = (
    "test_bz2", "test_csv", "test_email", "test_file", "test_fileinput", "test_fileio", "test_gzip", "test_io",
    "test_logging", "test_lzma", "test_mailbox", "test_pickle", "test_shelve", "test_tarfile", "test_wave",
    "test_xml_etree", "test_zipfile", "test_codecs", "test_json", "test_pathlib", "test_tempfile",
)  # fmt: skip


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


DIFFERENCES: tuple[Difference, ...] = ()
