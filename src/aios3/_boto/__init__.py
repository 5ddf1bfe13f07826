"""The aiobotocore transport: signing credentials, the address of a bucket, and every call of S3 as a complete backend.

Nothing above sees botocore, and nothing of it is imported before the first request.
"""

from __future__ import annotations

from aios3._boto.boto_backend import BotoBackend

__all__ = ["BotoBackend"]
