"""What one server has shown that it does not take, so that it is asked for it only once."""

from __future__ import annotations

import logging

_log = logging.getLogger("aios3.checksums")


class Habits:
    """Whether one server takes headers about checksums; ``with_checksums=False``: it is never sent any."""

    def __init__(self, *, with_checksums: bool = True) -> None:
        self.takes_checksums = with_checksums

    def refuses_checksums(self, endpoint: str, refusal: Exception) -> None:
        """Note that a request was accepted without such headers, and not with them."""
        if self.takes_checksums:
            self.takes_checksums = False
            _log.warning(
                "The server of %s takes no checksums, and is served without from now on (%s)", endpoint, refusal
            )
