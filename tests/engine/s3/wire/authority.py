"""A certificate authority for one run of the tests, and servers' certificates that it signed."""

from __future__ import annotations

import datetime
import ipaddress
import ssl
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

DAY = datetime.timedelta(days=1)


@dataclass(frozen=True)
class Authority:
    """One that nobody else trusts, and what it has signed."""

    ca_file: Path
    good: ssl.SSLContext
    for_another_host: ssl.SSLContext
    expired: ssl.SSLContext


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def make_authority(folder: Path) -> Authority:
    """A new one, with its files in `folder`."""
    now = datetime.datetime.now(datetime.UTC)
    ca_key = ec.generate_private_key(ec.SECP256R1())

    def certificate(
        subject: str,
        key: ec.EllipticCurvePrivateKey,
        *,
        until: datetime.datetime,
        alt: x509.GeneralName | None,
    ) -> bytes:
        builder = (
            x509.CertificateBuilder()
            .subject_name(_name(subject))
            .issuer_name(_name("nobody's authority"))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - 10 * DAY)
            .not_valid_after(until)
            .add_extension(x509.BasicConstraints(ca=alt is None, path_length=None), critical=True)
        )
        if alt is not None:
            builder = builder.add_extension(x509.SubjectAlternativeName([alt]), critical=False)
        return builder.sign(ca_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    def server(name: str, alt: x509.GeneralName, until: datetime.datetime) -> ssl.SSLContext:
        key = ec.generate_private_key(ec.SECP256R1())
        path = folder / f"{name}.pem"
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        path.write_bytes(private + certificate(name, key, until=until, alt=alt))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context

    ca_file = folder / "ca.pem"
    ca_file.write_bytes(certificate("nobody's authority", ca_key, until=now + DAY, alt=None))
    here = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    return Authority(
        ca_file,
        server("good", here, now + DAY),
        server("other", x509.DNSName("example.invalid"), now + DAY),
        server("expired", here, now - DAY),
    )
