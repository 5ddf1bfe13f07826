"""A filesystem of fsspec over aios3: pandas, Dask, xarray, zarr and all others that read files through fsspec.

``aios3://bucket/key`` works as soon as aios3 is installed beside fsspec; :func:`register` puts aios3 in the place of
s3fs for ``s3://``. Needs the extra ``aios3-io[fsspec]``.
"""

from __future__ import annotations

from fsspec.registry import register_implementation as _register_implementation

from aios3.fsspec.filesystem import S3FileSystem
from aios3.fsspec.mapping import S3Map

__all__ = ["S3FileSystem", "S3Map", "register"]


def register(*protocols: str) -> None:
    """Have fsspec use aios3 for ``protocols``, by default ``s3`` and ``s3a``, in this process.

    Everything that opens such a path through fsspec from now on is served by :class:`S3FileSystem`; filesystems that
    were made before stay what they are. Raises ValueError for a protocol that the filesystem does not have.
    """
    unknown = sorted(set(protocols) - set(S3FileSystem.protocol))
    if unknown:
        message = f"Unknown protocol {', '.join(map(repr, unknown))}; there are {', '.join(S3FileSystem.protocol)}"
        raise ValueError(message)
    for protocol in protocols or ("s3", "s3a"):
        _register_implementation(protocol, S3FileSystem, clobber=True)
