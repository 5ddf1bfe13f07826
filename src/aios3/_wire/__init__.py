"""The fast side: S3 over HTTP/1.1 connections of our own. It knows no botocore and no files."""

from __future__ import annotations

from aios3._wire.assembly import Wire

__all__ = ["Wire"]
