"""The session on S3 in memory that the verbs on trees are tested on."""

from __future__ import annotations

from trees.conftest import at_once, s3, session

__all__ = ["at_once", "s3", "session"]
