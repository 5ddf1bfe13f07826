"""The keeper of a profile's credentials in the place where botocore looks for credentials."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aiobotocore.credentials import AioCredentials
from botocore.credentials import ReadOnlyCredentials

from aios3._boto.sessions import signed_with

if TYPE_CHECKING:
    from aios3._credentials import Keeper


class KeptCredentials(AioCredentials):  # type: ignore[misc]  # aiobotocore has no types
    """What botocore signs with: it asks the keeper for every signature."""

    def __init__(self, keeper: Keeper) -> None:
        super().__init__("kept by aios3", "", method="aios3")
        self._keeper = keeper

    async def get_frozen_credentials(self) -> Any:  # noqa: ANN401 - botocore has no types
        """Return the credentials of this moment."""
        signer = self._keeper.at_hand() or await self._keeper.get()
        keys = signer.credentials
        assert keys is not None
        signed_with.set(keys)
        return ReadOnlyCredentials(keys.access_key, keys.secret_key, keys.session_token)


class KeptProvider:
    """In the place of botocore's chain."""

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper

    async def load_credentials(self) -> KeptCredentials:
        """Return what asks the keeper; nothing is asked yet."""
        return KeptCredentials(self._keeper)
