"""Requests of botocore's clients say who pays, and whose the bucket must be; see :mod:`aios3._ownership`."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from aios3._ownership import OWNER, PAYER, ownership_of

if TYPE_CHECKING:
    from aios3._config import Config
    from aios3._ownership import Ownership


def install_ownership(client: Any, config: Config) -> None:  # noqa: ANN401 - botocore has no types
    """Have ``client`` say with every request that has a parameter for it what ``config`` says."""
    ownership = ownership_of(config)
    if ownership is not None:
        client.meta.events.register_last("before-parameter-build.s3", partial(_add_parameters, ownership))
        client.meta.events.register_last("before-sign.s3", _move_to_query)


def _add_parameters(ownership: Ownership, params: dict[str, Any], model: Any, **_kwargs: object) -> None:  # noqa: ANN401 - botocore has no types
    members = model.input_shape.members if model.input_shape else {}
    owner_parameters = {
        "RequestPayer": ownership.request_payer,
        "ExpectedBucketOwner": ownership.expected_bucket_owner,
        "ExpectedSourceBucketOwner": ownership.expected_bucket_owner,
    }
    for name, value in owner_parameters.items():
        if value is not None and name in members:
            params.setdefault(name, value)


def _move_to_query(request: Any, **_kwargs: object) -> None:  # noqa: ANN401 - botocore has no types
    """Put into a presigned URL what would be a signed header, which whoever uses the URL would have to send."""
    if not request.context.get("is_presign_request"):
        return
    for name in (PAYER, OWNER):
        if name in request.headers:
            request.params = {**request.params, name: request.headers[name]}
            del request.headers[name]
