"""Repairs documents of S3's that repeat a key, and so are not XML, before botocore parses them."""

from __future__ import annotations

from typing import Any

from aios3._responses import only_upload_id, replace_invalid_xml

_BEGIN = "CreateMultipartUpload"
_RESULTS = {
    _BEGIN: b"<InitiateMultipartUploadResult",
    "CompleteMultipartUpload": b"<CompleteMultipartUploadResult",
    "ListParts": b"<ListPartsResult",
}
"""How the responses begin that repeat the key, which is not needed. Errors repeat it as well."""
_OK, _FIRST_ERROR_STATUS = 200, 300


def repair_xml(operation_model: Any, response_dict: dict[str, Any], **_kwargs: object) -> None:  # noqa: ANN401 - no types
    """Replace what XML cannot hold in a response that repeats a key.

    botocore has looked at it before, and takes a result that it cannot parse for an error.
    """
    body, result = response_dict.get("body"), _RESULTS.get(operation_model.name)
    is_error = response_dict["status_code"] >= _FIRST_ERROR_STATUS
    if not isinstance(body, bytes) or not (is_error or result):
        return
    fit = replace_invalid_xml(only_upload_id(body) if operation_model.name == _BEGIN else body)
    if fit == body:
        return
    response_dict["body"] = fit
    if result is not None and result in fit:
        response_dict["status_code"] = _OK
