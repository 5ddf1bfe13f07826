"""Quirks of one server: requests that it has rejected, so that they are tried only once."""

from __future__ import annotations

from aios3._logs import get_logger

_log = get_logger("aios3.checksums")


class ServerQuirks:
    """Support of one server for checksums (by kind of request), bulk deletes and preconditions.

    A caller names the kinds: a server may take checksums in one and reject them in another.

    ``with_checksums=False``: checksums are never sent. ``requires_checksums``: it must heed them.
    """

    def __init__(self, *, with_checksums: bool = True, requires_checksums: bool = False) -> None:
        self._unsupported: set[str] = set()
        self._with_checksums = with_checksums
        self.requires_checksums: bool = requires_checksums
        self.supports_bulk_deletes: bool = True
        self.supports_conditional_deletes: bool = True
        self.supports_conditional_writes: bool = True
        self.buckets_with_digests: set[str] = set()
        """Buckets that take no body without its MD5."""

    def supports_checksums(self, use: str) -> bool:
        """Return whether requests for ``use`` may speak of checksums."""
        return self._with_checksums and use not in self._unsupported

    def note_unsupported_checksums(self, use: str, endpoint: str, error: Exception) -> None:
        """Note that a request for ``use`` was responded to without such headers, and not with them."""
        if self.supports_checksums(use):
            self._unsupported.add(use)
            message = "The server of %s takes no checksums in %s, and is served without from now on (%s)"
            _log.warning(message, endpoint, use, error)

    def note_unsupported_bulk_deletes(self, endpoint: str, error: Exception) -> None:
        """Note that a key was deleted by itself, and DeleteObjects was rejected as such."""
        if self.supports_bulk_deletes:
            self.supports_bulk_deletes = False
            message = "The server of %s deletes one key a request, and is sent so many from now on (%s)"
            get_logger("aios3.deletes").info(message, endpoint, error)

    def note_unsupported_conditional_deletes(self, endpoint: str, error: Exception) -> None:
        """Note that a deletion was rejected for its If-Match."""
        if self.supports_conditional_deletes:
            self.supports_conditional_deletes = False
            message = "The server of %s deletes without conditions only; objects are looked at before (%s)"
            get_logger("aios3.deletes").info(message, endpoint, error)

    def note_unsupported_conditional_writes(self, endpoint: str, error: Exception) -> None:
        """Note that a write was accepted without the condition that nothing is there, and not with it."""
        if self.supports_conditional_writes:
            self.supports_conditional_writes = False
            message = (
                "The server of %s takes no conditions with writes: of several programs that create an object at the "
                "same moment more than one may succeed (%s)"
            )
            get_logger("aios3.conditions").warning(message, endpoint, error)
