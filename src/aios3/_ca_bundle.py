"""The file of certificate authorities to trust, loaded, and the error for a file that cannot be loaded."""

from __future__ import annotations

import importlib.util
import os.path
import ssl

from aios3.errors import ConfigError


def load_ca_bundle(context: ssl.SSLContext, file: str, source: str) -> None:
    """Trust the authorities of ``file`` in ``context``; ``source`` is where the file was set.

    Raises ConfigError if it is missing, a directory, or holds no certificate that can be read.
    """
    try:
        context.load_verify_locations(cafile=file)
    except (OSError, ValueError) as error:
        reason = "it holds no certificate that can be read"
        if isinstance(error, OSError) and not isinstance(error, ssl.SSLError):
            reason = error.strerror or str(error)
        message = f"{source} names {file!r}, which is no file of certificate authorities: {reason}"
        raise ConfigError(message) from error


def trust_system_cas(context: ssl.SSLContext) -> None:
    """Trust the authorities of the system, where OpenSSL looks for them (``SSL_CERT_FILE``, ``SSL_CERT_DIR``).

    Small images of systems have none; there those that come with botocore are trusted, as boto3 does everywhere.
    """
    context.load_default_certs(ssl.Purpose.SERVER_AUTH)
    if context.cert_store_stats()["x509_ca"]:
        return
    directory = ssl.get_default_verify_paths().capath  # what is there is read when a certificate asks for it
    if not directory or not os.listdir(directory):  # noqa: PTH208 - pathlib is slow to import
        spec = importlib.util.find_spec("botocore")
        folders = None if spec is None else spec.submodule_search_locations
        for folder in folders or []:
            load_ca_bundle(context, os.path.join(folder, "cacert.pem"), "botocore")  # noqa: PTH118 - pathlib is slow to import


def check_ca_bundle(file: str, source: str) -> None:
    """Raise ConfigError if ``file`` cannot be trusted; see :func:`load_ca_bundle`."""
    load_ca_bundle(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), file, source)
