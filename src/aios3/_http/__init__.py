"""The native transport: S3 over HTTP/1.1 connections of aios3. It knows no botocore and no files."""

from __future__ import annotations

from aios3._http.composition_root import HttpTransport

__all__ = ["HttpTransport"]
