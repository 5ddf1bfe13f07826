"""Limits and names of S3's protocol, each with its source in Amazon's documentation."""

from __future__ import annotations

MIN_PART_SIZE = 5 * 1024**2
"""Bytes of the smallest part, for every part but the last ("Amazon S3 multipart upload limits")."""
MAX_PART_SIZE = 5 * 1024**3
"""Bytes of the largest part, of the largest PutObject and of the largest CopyObject."""
MAX_PARTS = 10_000
"""Parts of an upload ("Amazon S3 multipart upload limits")."""
MAX_OBJECT_SIZE = MAX_PARTS * MAX_PART_SIZE
"""Bytes of the largest object."""
MAX_KEYS = 1000
"""Keys of a page of ListObjectsV2, and of a DeleteObjects."""
MAX_PRESIGN_SECONDS = 7 * 24 * 3600
"""Longest validity of a presigned URL ("Authenticating Requests: Using Query Parameters")."""
SIGV4 = "AWS4-HMAC-SHA256"
"""The algorithm of Signature Version 4."""
DIRECTORY_BUCKET_SUFFIXES = ("--x-s3", "--xa-s3")
"""Ends of the names of directory buckets ("S3 Express One Zone"), and of their access points."""
XML_NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
"""The namespace of S3's documents."""
