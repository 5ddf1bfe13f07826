"""S3 through botocore's own client: prepares servers for tests and looks at what is really there, without aios3."""

from __future__ import annotations

from typing import TYPE_CHECKING

import botocore.session
from botocore.config import Config
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from servers import Server


_DELETE_AT_ONCE = 1000
"""S3's limit for one DeleteObjects."""


class Admin:
    """The buckets and objects of one server; paths are texts such as ``s3://bucket/key``."""

    def __init__(self, server: Server) -> None:
        self._client = botocore.session.Session().create_client(
            "s3",
            region_name=server.region,
            endpoint_url=server.admin_url or server.endpoint_url,
            aws_access_key_id=server.access_key,
            aws_secret_access_key=server.secret_key,
            config=Config(
                s3={"addressing_style": "path"},
                retries={"total_max_attempts": 3},
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
            ),
        )

    def close(self) -> None:
        self._client.close()

    def create_bucket(self, name: str) -> str:
        self._client.create_bucket(Bucket=name)
        return f"s3://{name}"

    def drop_bucket(self, path: str) -> None:
        """Delete a bucket with all that is in it."""
        bucket = _place(path)["Bucket"]
        for key, upload_id in self._uploads(bucket):
            self._client.abort_multipart_upload(Bucket=bucket, Key=key, UploadId=upload_id)
        keys = self.keys(path)
        for start in range(0, len(keys), _DELETE_AT_ONCE):
            some = keys[start : start + _DELETE_AT_ONCE]
            try:
                self._client.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": key} for key in some]})
            except ClientError:  # some vendors reject it, or the checksum that botocore puts into it
                for key in some:
                    self._client.delete_object(Bucket=bucket, Key=key)
        self._client.delete_bucket(Bucket=bucket)

    def put(self, path: str, body: bytes = b"", **options) -> str:
        """Store an object and return its ETag."""
        return self._client.put_object(**_place(path), Body=body, **options)["ETag"].strip('"')

    def get(self, path: str) -> bytes:
        return self._client.get_object(**_place(path))["Body"].read()

    def head(self, path: str) -> dict:
        return self._client.head_object(**_place(path))

    def etag(self, path: str) -> str:
        return self.head(path)["ETag"].strip('"')

    def delete(self, path: str) -> None:
        self._client.delete_object(**_place(path))

    def exists(self, path: str) -> bool:
        try:
            self.head(path)
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
                return False
            raise
        return True

    def begin_upload(self, path: str) -> str:
        """Begin a multipart upload and leave it."""
        return self._client.create_multipart_upload(**_place(path))["UploadId"]

    def tags(self, path: str) -> dict[str, str]:
        response = self._client.get_object_tagging(**_place(path))
        return {tag["Key"]: tag["Value"] for tag in response["TagSet"]}

    def keys(self, path: str) -> list[str]:
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=_place(path)["Bucket"])
        return [entry["Key"] for page in pages for entry in page.get("Contents", ())]

    def uploads(self, path: str) -> list[str]:
        """The keys of multipart uploads that are neither completed nor aborted."""
        return [key for key, _ in self._uploads(_place(path)["Bucket"])]

    def _uploads(self, bucket: str) -> list[tuple[str, str]]:
        try:
            response = self._client.list_multipart_uploads(Bucket=bucket)
        except self._client.exceptions.NoSuchUpload:  # rclone, where there was none yet
            return []
        return [(upload["Key"], upload["UploadId"]) for upload in response.get("Uploads", ())]


def _place(path: str) -> dict[str, str]:
    bucket, _, key = path.removeprefix("s3://").partition("/")
    return {"Bucket": bucket, "Key": key} if key else {"Bucket": bucket}
