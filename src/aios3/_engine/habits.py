"""What one server has shown that it does not take, so that it is asked for it only once."""

from __future__ import annotations

from typing import Literal

from aios3._logs import get_logger

_log = get_logger("aios3.checksums")

ChecksumUse = Literal["reads", "writes", "multipart uploads"]
"""The kinds of requests that speak of checksums: a server may take that in one, and refuse it in another."""


class Habits:
    """What one server takes: checksums, for each kind of request, deletes of many keys at once, and under conditions.

    ``with_checksums=False``: it is never told of checksums. ``insists``: it must heed them.
    """

    def __init__(self, *, with_checksums: bool = True, insists: bool = False) -> None:
        self._refused: set[ChecksumUse] = set()
        self._with_checksums = with_checksums
        self.insists_on_checksums: bool = insists
        self.takes_bulk_deletes: bool = True
        self.takes_delete_conditions: bool = True
        self.takes_conditions: bool = True
        self.buckets_with_digests: set[str] = set()
        """Buckets that take no body without its MD5."""

    def takes_checksums(self, use: ChecksumUse) -> bool:
        """Tell whether requests for ``use`` may speak of checksums."""
        return self._with_checksums and use not in self._refused

    def refuses_checksums(self, use: ChecksumUse, endpoint: str, refusal: Exception) -> None:
        """Note that a request for ``use`` was answered without such headers, and not with them."""
        if self.takes_checksums(use):
            self._refused.add(use)
            message = "The server of %s takes no checksums in %s, and is served without from now on (%s)"
            _log.warning(message, endpoint, use, refusal)

    def refuses_bulk_deletes(self, endpoint: str, refusal: Exception) -> None:
        """Note that a key was deleted by itself, and DeleteObjects was refused as such."""
        if self.takes_bulk_deletes:
            self.takes_bulk_deletes = False
            message = "The server of %s deletes one key a request, and is sent so many from now on (%s)"
            get_logger("aios3.deletes").info(message, endpoint, refusal)

    def refuses_delete_conditions(self, endpoint: str, refusal: Exception) -> None:
        """Note that a deletion was refused for its If-Match."""
        if self.takes_delete_conditions:
            self.takes_delete_conditions = False
            message = "The server of %s deletes without conditions only; objects are looked at before (%s)"
            get_logger("aios3.deletes").info(message, endpoint, refusal)

    def refuses_conditions(self, endpoint: str, refusal: Exception) -> None:
        """Note that a write was accepted without the condition that nothing is there, and not with it."""
        if self.takes_conditions:
            self.takes_conditions = False
            message = (
                "The server of %s takes no conditions with writes: of several programs that create an object at the "
                "same moment more than one may succeed (%s)"
            )
            get_logger("aios3.conditions").warning(message, endpoint, refusal)
