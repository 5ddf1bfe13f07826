"""The credential cache of a profile's credentials in the place where botocore looks for credentials."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aiobotocore.credentials import AioCredentials
from botocore.credentials import ReadOnlyCredentials

from aios3._boto.boto_sessions import signed_with

if TYPE_CHECKING:
    from aios3._credentials import CredentialCache


class CachedCredentials(AioCredentials):  # type: ignore[misc]  # aiobotocore has no types
    """The credentials that botocore signs with: they ask the credential cache for every signature."""

    def __init__(self, credential_cache: CredentialCache) -> None:
        super().__init__("kept by aios3", "", method="aios3")
        self._credential_cache = credential_cache

    async def get_frozen_credentials(self) -> Any:  # noqa: ANN401 - botocore has no types
        """Return the credentials of this moment."""
        signer = self._credential_cache.cached() or await self._credential_cache.get()
        keys = signer.credentials
        assert keys is not None
        signed_with.set(keys)
        return ReadOnlyCredentials(keys.access_key, keys.secret_key, keys.session_token)


class CachedCredentialsProvider:
    """In the place of botocore's chain."""

    def __init__(self, credential_cache: CredentialCache) -> None:
        self._credential_cache = credential_cache

    async def load_credentials(self) -> CachedCredentials:
        """Return what asks the credential cache; nothing is asked yet."""
        return CachedCredentials(self._credential_cache)
