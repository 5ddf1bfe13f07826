"""Volumes as documents: the dictionaries that flowserv keeps of its storage volumes. No I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aios3.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

VOLUME_TYPE = "s3"


def to_document(bucket: str, prefix: str | None, identifier: str | None) -> dict[str, object]:
    """Write down a volume; what comes back can be written as JSON."""
    arguments = [{"key": "bucket", "value": bucket}, {"key": "prefix", "value": prefix}]
    return {"type": VOLUME_TYPE, "id": identifier, "args": arguments}


def from_document(document: Mapping[str, object]) -> tuple[str, str | None, str | None]:
    """Return the bucket, the prefix and the identifier of a volume; raise ConfigError for what describes none."""
    arguments = _arguments(document.get("args"))
    bucket, prefix, identifier = arguments.get("bucket"), arguments.get("prefix"), document.get("id")
    if document.get("type", VOLUME_TYPE) != VOLUME_TYPE or not (isinstance(bucket, str) and bucket):
        raise _no_volume(document)
    if not (prefix is None or isinstance(prefix, str)) or not (identifier is None or isinstance(identifier, str)):
        raise _no_volume(document)
    return bucket, prefix, identifier


def _arguments(pairs: object) -> dict[object, object]:
    pair_list = pairs if isinstance(pairs, (list, tuple)) else []
    return {pair.get("key"): pair.get("value") for pair in pair_list if isinstance(pair, dict)}


def _no_volume(document: Mapping[str, object]) -> ConfigError:
    message = f"No volume of S3 is described by {dict(document)!r}; Volume.to_dict() shows what one looks like"
    return ConfigError(message)
