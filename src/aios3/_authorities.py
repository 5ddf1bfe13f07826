"""The file of certificate authorities to trust, loaded; and the words for one that cannot be, whoever needs it."""

from __future__ import annotations

import ssl

from aios3.errors import ConfigError


def load_authorities(context: ssl.SSLContext, file: str, source: str) -> None:
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


def check_authorities(file: str, source: str) -> None:
    """Raise ConfigError if ``file`` cannot be trusted; see :func:`load_authorities`."""
    load_authorities(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), file, source)
