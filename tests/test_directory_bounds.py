"""Directories as bounds: asked for when a listing has left one, spaced as its pages are."""

import pytest

from aios3._backend import ListPage
from aios3._namespace.directory_bounds import DirectoryBounds

DAYS = [f"log/2026-{month:02}/" for month in range(1, 13)]


def survey(prefixes) -> ListPage:
    return ListPage((), (), prefixes, None)


@pytest.mark.parametrize(
    ("prefix", "first", "last", "directory"),
    [
        ("", "log/2026-01/a", "log/2026-02/b", "log/"),
        ("log/", "log/2026-01/a", "log/2026-02/b", "log/"),
        ("log/20", "log/2026-01/a", "log/2026-02/b", "log/20"),
        ("", "a/x", "b/x", ""),
        ("", "a/1/x", "a/1/y", None),
        ("", "a/1", "a/2", None),
        ("", "a", "b/x", None),
        ("", "ü/1/x", "ü/2/x", "ü/"),
    ],
)
def test_the_directory_whose_directories_the_listing_goes_through_is_asked_for_once(prefix, first, last, directory):
    signposts = DirectoryBounds(prefix, pages=4)
    assert signposts.request_for(first, last) == directory
    if directory is not None:
        assert signposts.request_for(first, last) is None


def test_places_are_as_many_pages_apart_as_they_should_be():
    signposts = DirectoryBounds("log/", pages=4)
    signposts.add_listing(survey(DAYS), "log/2026-02/x", pages=2)  # a page a directory
    assert signposts.between("log/2026-02/x", None, 9) == ["log/2026-06/", "log/2026-10/"]
    signposts.add_listing(survey(DAYS), "log/2026-02/x", pages=8)  # four pages a directory
    assert signposts.between("log/2026-02/x", None, 2) == ["log/2026-03/", "log/2026-04/"]


def test_places_lie_between_the_bounds_that_are_asked_for():
    signposts = DirectoryBounds("log/", pages=1)
    signposts.add_listing(survey(DAYS), "log/2026-01/x", pages=1)
    assert signposts.between("log/2026-03/", "log/2026-05/", 9) == ["log/2026-04/"]
    assert signposts.between("log/2026-12/", None, 9) == []
    assert signposts.between("log/2026-01/x", None, 0) == []


def test_a_survey_out_of_order_says_nothing():
    signposts = DirectoryBounds("log/", pages=1)
    signposts.add_listing(survey(DAYS[::-1]), "log/2026-01/x", pages=1)
    assert signposts.between("", None, 9) == []


def test_a_survey_of_what_has_gone_by_says_nothing():
    signposts = DirectoryBounds("log/", pages=4)
    signposts.add_listing(survey(DAYS), "zzz", pages=2)
    assert signposts.between("", None, 9) == []
