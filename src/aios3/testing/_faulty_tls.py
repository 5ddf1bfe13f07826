"""A certificate for this machine's loopback addresses, made on demand and trusted only by this server's clients."""

from __future__ import annotations

import ipaddress
import ssl
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

_NAME = "aios3.testing.FaultyServer"
_ADDRESSES = ("127.0.0.1", "127.0.0.2", "::1")
_LIFE = timedelta(days=1)


class Certificate:
    """The server's side (``context``), and the file that a client has to trust (``authority``) until :meth:`remove`."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="aios3-testing-")
        folder = Path(self._folder.name)
        authority, private = folder / "authority.pem", folder / "private.pem"
        certificate, key = _make_certificate()
        authority.write_bytes(certificate)
        private.write_bytes(key)
        self.authority = str(authority)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(authority, private)
        private.unlink()

    def remove(self) -> None:
        """Delete the file."""
        self._folder.cleanup()


def _make_certificate() -> tuple[bytes, bytes]:
    """Make a certificate that signs itself, and its key."""
    from cryptography import x509  # noqa: PLC0415 - only for TLS; moto brings it
    from cryptography.hazmat.primitives import hashes, serialization  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, _NAME)])
    now = datetime.now(UTC)
    addresses = [x509.IPAddress(ipaddress.ip_address(address)) for address in _ADDRESSES]
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - _LIFE)
        .not_valid_after(now + _LIFE)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost"), *addresses]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    plain = serialization.NoEncryption()
    pem = serialization.Encoding.PEM
    return certificate.public_bytes(pem), key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain)
