"""Tests of other projects that fail with aios3 in the place of s3fs, by suite, each with the reason.

Each must fail: ``as_s3fs.py`` expects it, for all its parameters. A name may have that of its file before it.
``docs/migrating/s3fs.md`` tells users what each reason means to them.
"""

from __future__ import annotations

_ARGUMENTS = "arguments that do not exist raise: the test types one wrongly, and s3fs leaves it out"
_BUFFER = "looks at s3fs's own buffers and list of parts; parts are cut and sent by aios3's writer"
_CACHE = "looks at fsspec's cache of a file; aios3's reader decides what is kept and read ahead"
_CLIENT = "looks at the client of aiobotocore; s3fs sends all requests with it, aios3 few"
_EMPTY = "S3 has no empty directories: mkdir below a bucket makes nothing, as with s3fs"
_LISTINGS = "looks into the cache of listings, which is short here, and says nothing of paths that are not in a listing"
_SESSION = "a session of aiobotocore cannot be taken over"

_PYARROW = dict.fromkeys(
    (
        "test_create_dir",
        "test_delete_dir",
        "test_delete_dir_contents",
        "test_delete_dir_with_explicit_subdir",
        "test_filesystem_is_functional_after_pickling",
        "test_get_file_info",
        "test_get_file_info_with_selector",
    ),
    _EMPTY,
)

_S3FS = {
    "test_append": _BUFFER,
    "test_async_close": _CLIENT,
    "test_autocommit_mpu": _BUFFER,
    "test_change_defaults_only_subsequent": "a block has 8 MiB by default, and not 50",
    "test_checksum": _LISTINGS,
    "test_config_kwargs": _CLIENT,
    "test_config_kwargs_class_attributes_default": _CLIENT,
    "test_config_kwargs_class_attributes_override": _CLIENT,
    "test_copy_managed": "calls a private method",
    "test_credentials": "credentials are kept outside of the client of aiobotocore, and renewed there",
    "test_default_cache_type": _CACHE,
    "test_default_pars": _CACHE,
    "test_s3fs.py::test_errors": "a missing object raises when it is opened, and not when it is first read",
    "test_errors_cause_preservings": "no botocore, so no error of botocore as the cause: the message has what S3 said",
    "test_get_directories": "a tree with a and a/b raises before anything is received: a disk cannot have both",
    "test_get_file_with_kwargs": _ARGUMENTS,
    "test_info": "info() and ls() return copies, and never the entry of the cache itself",
    "test_listing_retries_transient_errors": _CLIENT,
    "test_multi_checksum": "checksums of writes are CRC32 and CRC64NVME; SHA256 raises",
    "test_multipart_upload_blocksize": _BUFFER,
    "test_raise_exception_when_file_has_changed_during_reading": (
        "a small object is read when it is opened, so one version is read and nothing has to be raised"
    ),
    "test_read_small": _CACHE,
    "test_requester_pays": _CLIENT,
    "test_requester_pays_makedirs_uses_object_listing": _CLIENT,
    "test_requester_pays_per_file_override": _CLIENT,
    "test_rm": "rm() returns None: a list of all keys would grow with the bucket",
    "test_s3fs_etag_preserving_multipart_copy": "preserve_etag raises for an object in parts",
    "test_same_name_but_no_exact": "a path that ends in / means a directory, never an object",
    "test_set_session_closed_sessions_rebuilds_once": _CLIENT,
    "test_set_session_concurrent_no_leak": _CLIENT,
    "test_set_session_preserves_injected_session": _SESSION,
    "test_set_session_sessions_none": _CLIENT,
    "test_shallow_find": "find(bucket, maxdepth=..., withdirs=True) does not name the bucket, as without maxdepth",
    "test_split_path": "an access point is spelled with a colon, as in its ARN",
    "test_upload_part_with_prime_pads": _BUFFER,
    "test_upload_parts": _BUFFER,
    "test_url": "signed with SigV4, whose parameters have other names",
    "test_user_session_is_preserved": _SESSION,
    "test_versions_dircached": _LISTINGS,
    "test_with_size": "size= is a hint for readers that would ask for it; all of the object is read",
    "test_write_blocks": _BUFFER,
    "test_write_limit": _ARGUMENTS,
    "test_xattr_setxattr_in_write_mode": "raises UnsupportedError, an OSError, and not NotImplementedError",
}

DIFFERENCES: dict[str, dict[str, str]] = {
    "dask": {"test_get_s3": "two names of one credential raise ConfigError, a ValueError, and not KeyError"},
    "pandas": {},
    "pyarrow": _PYARROW,
    "s3fs": _S3FS,
}
