"""Documents of S3's that are no XML because they name a key: made into some before botocore parses them."""

from __future__ import annotations

from typing import Any

from aios3._answers import without_unfit_characters

_NAMING_A_KEY = frozenset({"CreateMultipartUpload", "CompleteMultipartUpload", "ListParts"})
"""Operations whose responses repeat the key, which is not needed. Errors do as well."""
_FIRST_ERROR_STATUS = 300


def make_fit(operation_model: Any, response_dict: dict[str, Any], **_kwargs: object) -> None:  # noqa: ANN401 - no types
    """Replace what XML cannot hold in a response that repeats a key."""
    body = response_dict.get("body")
    is_error = response_dict["status_code"] >= _FIRST_ERROR_STATUS
    if isinstance(body, bytes) and (is_error or operation_model.name in _NAMING_A_KEY):
        response_dict["body"] = without_unfit_characters(body)
