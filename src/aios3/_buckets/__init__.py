"""Buckets: made, listed, emptied, deleted and configured; and the objects of one bucket by their keys."""

from aios3._buckets.bucket import Bucket
from aios3._buckets.objects import S3Object
from aios3._buckets.settings import CorsRule

__all__ = ["Bucket", "CorsRule", "S3Object"]
