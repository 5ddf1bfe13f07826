"""Who signs requests, as the keeper of the profile's credentials says, and by which clock."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aios3._clock import Clock
from aios3._wire.sigv4 import Identity

if TYPE_CHECKING:
    from aios3._credentials import Keeper, Signer


class Signers:
    """Who signs the requests of one profile, whose credentials ``keeper`` has, by ``clock``."""

    def __init__(self, keeper: Keeper, clock: Clock | None = None) -> None:
        self.keeper = keeper
        self.clock: Clock = clock or Clock()
        self._signer: Signer | None = None
        self._identity: Identity | None = None

    def identity_of(self, signer: Signer) -> Identity | None:
        """Return what signs for ``signer``; None for requests that are not signed."""
        if signer is not self._signer:
            self._signer, keys = signer, signer.credentials
            self._identity = None
            if keys is not None:
                self._identity = Identity(keys.access_key, keys.secret_key, keys.session_token)
        return self._identity
