"""Credentials of a blocking client of botocore's, asked of the session that has made it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore.credentials import Credentials as BotocoreCredentials
from botocore.credentials import ReadOnlyCredentials

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from aios3._config import Credentials

    Ask = Callable[[], Credentials]
    """Returns who signs now, and waits for that."""


class AskedCredentials(BotocoreCredentials):  # type: ignore[misc]  # botocore has no types
    """Credentials in botocore's form, which asks for every signature."""

    def __init__(self, ask: Ask) -> None:
        super().__init__("asked of aios3", "", method="aios3")
        self._ask = ask
        self._expiry_time: datetime | None = None

    def get_frozen_credentials(self) -> Any:  # noqa: ANN401 - botocore has no types
        """Return the credentials of this moment."""
        keys = self._ask()
        self._expiry_time = keys.expires_at
        return ReadOnlyCredentials(keys.access_key, keys.secret_key, keys.session_token)


class AskedProvider:
    """In the place of botocore's chain; with None it has no credentials."""

    def __init__(self, ask: Ask | None) -> None:
        self._ask = ask

    def load_credentials(self) -> AskedCredentials | None:
        """Return what asks; nothing is asked yet."""
        return None if self._ask is None else AskedCredentials(self._ask)
