"""What becomes of requests, and how often a source is asked, for each kind of source and what befalls it.

The page docs/guide/credentials-table.md is written from this (tools/make_credentials_table.py). A cell is the outcome
of all requests, and how many the source has got; the same for both transports and both faces of aios3.
"""

from __future__ import annotations

EVENTS: dict[str, str] = {
    "start": "one request at the start",
    "crowd": "20 requests at once at the start",
    "near": "9 minutes before the end of an hour, 40 requests",
    "ended": "after the end, 40 requests",
    "rejected": "S3 calls the token expired before its end, 40 requests",
    "down, good": "the source fails, 9 minutes before the end, 40 requests",
    "down, ended": "the source fails, after the end, 40 requests",
    "again": "2 seconds later the source works again, 40 requests",
    "down at first": "the source fails from the start, 20 requests",
    "then up": "2 seconds later it works, 20 requests",
}
"""The columns."""

NOT_COUNTED = frozenset({"environment", "environment with an end", "shared credentials file"})
"""Sources that nobody serves: looking at them costs no request."""

_FAILS, _NOBODY = "CredentialsError", "NoCredentialsError"
_ASKED_ONCE = ("ok 1", "ok 1", "ok 1", "ok 1", "ok 1", "ok 1", f"{_FAILS} 1", "ok 1", f"{_FAILS} 1", "ok 1")
_LOOKED_AT = ("ok", "ok", "ok", "ok", "ok", "ok", _FAILS, "ok", _NOBODY, "ok")
_METADATA = (*["ok 3"] * 5, "ok 2", f"{_FAILS} 2", "ok 3", f"{_NOBODY} 2", "ok 3")
"""One response takes three requests; a failure, two."""
_CONTAINER = (*["ok 1"] * 5, "ok 3", f"{_FAILS} 3", "ok 1", f"{_FAILS} 3", "ok 1")
"""botocore asks up to three times."""

AIOS3: dict[str, tuple[str, ...]] = {
    "callback": _ASKED_ONCE,
    "environment": _LOOKED_AT,
    "environment with an end": _LOOKED_AT,
    "shared credentials file": _LOOKED_AT,
    "credential_process": _ASKED_ONCE,
    # One response of instance metadata takes three requests; one that fails, two.
    "instance metadata": (
        "ok 3",
        "ok 3",
        "ok 3",
        "ok 3",
        "ok 3",
        "ok 2",
        f"{_FAILS} 2",
        "ok 3",
        f"{_NOBODY} 2",
        "ok 3",
    ),
    # botocore asks a container's service up to three times.
    "container": ("ok 1", "ok 1", "ok 1", "ok 1", "ok 1", "ok 3", f"{_FAILS} 3", "ok 1", f"{_FAILS} 3", "ok 1"),
    "web identity": _ASKED_ONCE,
    "assumed role": _ASKED_ONCE,
    "single sign-on": _ASKED_ONCE,
}

_STATIC = ("ok", "ok", "ok", "ExpiredToken", "ExpiredToken", "ExpiredToken", "ExpiredToken", "ExpiredToken")
_MANDATORY = ("CredentialRetrievalError", "CredentialRetrievalError", "ok")
_UNNOTICED = ("ok", "ok", "ok", "ok", "ExpiredToken")

BOTO3: dict[str, tuple[str, ...]] = {
    "environment": (*_STATIC, "NoCredentialsError", "NoCredentialsError"),
    "shared credentials file": (*_STATIC, "NoCredentialsError", "NoCredentialsError"),
    "credential_process": (*_UNNOTICED, *_MANDATORY, "CredentialRetrievalError", "ok"),
    "instance metadata": (*_UNNOTICED, *_MANDATORY, "NoCredentialsError", "NoCredentialsError"),
    "container": (*_UNNOTICED, *_MANDATORY, "CredentialRetrievalError", "ok"),
    "web identity": (*_UNNOTICED, "ServiceUnavailable", "ServiceUnavailable", "ok", "ServiceUnavailable", "ok"),
    "assumed role": (*_UNNOTICED, "ServiceUnavailable", "ServiceUnavailable", "ok", "ServiceUnavailable", "ok"),
    "single sign-on": (*_UNNOTICED, "500", "500", "ok", "500", "ok"),
}
"""What boto3's requests come to in the same surroundings, with one client from the start; it has no callbacks."""
