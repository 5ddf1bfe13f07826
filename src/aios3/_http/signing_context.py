"""The signing credentials of requests, from the profile's credential cache, and the clock."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aios3._clock import Clock
from aios3._http.sigv4 import SigningCredentials

if TYPE_CHECKING:
    from aios3._credentials import CredentialCache, Signer


class SigningContext:
    """The keys of one profile's ``credential_cache``, and the ``clock``, with which `sigv4` signs its requests."""

    def __init__(self, credential_cache: CredentialCache, clock: Clock | None = None) -> None:
        self.credential_cache = credential_cache
        self.clock: Clock = clock or Clock()
        self._signer: Signer | None = None
        self._credentials: SigningCredentials | None = None

    def credentials_of(self, signer: Signer) -> SigningCredentials | None:
        """Return what signs for ``signer``; None for requests that are not signed."""
        if signer is not self._signer:
            self._signer, keys = signer, signer.credentials
            self._credentials = None
            if keys is not None:
                self._credentials = SigningCredentials(keys.access_key, keys.secret_key, keys.session_token)
        return self._credentials
