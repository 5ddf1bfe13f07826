"""Amazon's host names on loopback: what they mean, certificates for them, and a resolver that leads them to a test."""

from __future__ import annotations

import contextlib
import re
import socket
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from unittest import mock

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

REGIONS = ("us-east-1", "us-west-2", "eu-west-1", "eu-central-1", "af-south-1")
OPT_IN = frozenset({"af-south-1"})
"""Regions that an account must ask for; buckets in them are not spoken of by the others ("AWS account management")."""
ZONE = "usw2-az1"

_SHAPES = tuple(
    re.compile(shape + r"(?:\.(?P<region>[a-z]{2}-[a-z]+-\d))?\.amazonaws\.com")
    for shape in (
        r"(?P<bucket>[a-z0-9-]+-\d{12})\.s3-accesspoint(?:-fips)?(?:\.dualstack)?",
        r"(?P<bucket>[a-z0-9-]+-\d{12})\.(?P<service>s3-object-lambda)",
        r"(?P<bucket>[a-z0-9-]+)\.(?:[a-z0-9.-]+)\.(?P<service>s3-outposts)",
        r"(?:(?P<bucket>[a-z0-9-]+)\.)?(?P<service>s3express)(?:-control|-[a-z0-9-]+?)?",
        r"(?:(?P<bucket>.+)\.)?s3(?:-fips)?(?:\.dualstack)?",
    )
)


@dataclass(frozen=True, slots=True)
class Named:
    """What a host name says."""

    region: str | None
    """None for the global endpoint."""
    service: str = "s3"
    bucket: str | None = None
    """None where the bucket is in the path."""


def named_by(host: str) -> Named | None:
    """Return what ``host`` names; None for one that is none of S3's."""
    for shape in _SHAPES:
        match = shape.fullmatch(host)
        if match is not None:
            said = match.groupdict()
            return Named(said["region"], said.get("service") or "s3", said.get("bucket"))
    return None


@contextlib.contextmanager
def leading_to(port: int, regions: Iterable[str] = REGIONS) -> Iterator[None]:
    """Lead Amazon's names of these regions to ``port`` of loopback, in this process, whoever looks them up.

    No other name is found, so that nothing leaves the machine: not even to ask for a name.
    """
    known, system = frozenset(regions), socket.getaddrinfo

    def getaddrinfo(host: object, service: object, *args: object, **kwargs: object) -> list:
        name = host.decode() if isinstance(host, bytes) else str(host)
        if name in {"localhost", "127.0.0.1", "::1", "None"}:
            return system(host, service, *args, **kwargs)
        named = named_by(name)
        if named is None or (named.region or "us-east-1") not in known:
            raise socket.gaierror(socket.EAI_NONAME, f"{name} is no host of this test")
        return [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", ("127.0.0.1", port))]

    with mock.patch.object(socket, "getaddrinfo", getaddrinfo):
        yield


def server_context(folder: Path, regions: Iterable[str] = REGIONS) -> tuple[ssl.SSLContext, Path]:
    """Return the server's TLS context for Amazon's names, and the file of the authority that clients must trust."""
    certificate, key = _certificate(sorted(_names(regions)))
    authority, private = folder / "authority.pem", folder / "private.pem"
    authority.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    unencrypted = serialization.NoEncryption()
    private.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, unencrypted))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority, private)
    return context, authority


def _names(regions: Iterable[str]) -> Iterator[str]:
    yield from ("localhost", "s3.amazonaws.com", "*.s3.amazonaws.com")
    for region in regions:
        for service in ("s3", "s3-fips", "s3-accesspoint", "s3-accesspoint-fips"):
            for kind in (service, f"{service}.dualstack"):
                yield from (f"{kind}.{region}.amazonaws.com", f"*.{kind}.{region}.amazonaws.com")
        for service in ("s3-object-lambda", f"s3express-{ZONE}", "s3express-control"):
            yield from (f"{service}.{region}.amazonaws.com", f"*.{service}.{region}.amazonaws.com")
        for outpost in ("op-01234567890123456", "ec2"):
            yield f"*.{outpost}.s3-outposts.{region}.amazonaws.com"


def _certificate(names: list[str]) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    """Make a certificate that signs itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    issuer = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "S3 of the tests")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(issuer, issuer, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    return certificate, key
