"""A version that is a delete marker: S3 responds with 405 to whoever reads it, and means that there is no object."""

from __future__ import annotations

import pytest

import aios3
from scripted import Scripted, response

REJECTION = b"<Error><Code>MethodNotAllowed</Code><Message>The specified method is not allowed</Message></Error>"


@pytest.mark.parametrize("transport", ["auto", "aiobotocore"])
@pytest.mark.parametrize(("marker", "kind"), [("true", aios3.ObjectNotFoundError), ("", aios3.UnsupportedError)])
async def test_a_delete_marker_is_a_missing_object_and_another_rejected_method_is_not(transport, marker, kind):
    rejection = response(405, REJECTION, content_type="application/xml", x_amz_delete_marker=marker)
    options = {"region": "us-east-1", "credentials": aios3.Credentials("a", "b"), "transport": transport}
    async with Scripted(*6 * [rejection]) as server, aios3.Session(endpoint_url=server.url, **options) as s3:
        with pytest.raises(kind):
            async with aios3.aopen("s3://b/k", version_id="m", session=s3) as file:
                await file.read()
