"""Certificate authorities and certificates of the local cluster, and of the demo's host.

Knows X.509; must not know what a certificate is used for.
"""

import datetime as dt
import ipaddress
import pathlib
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509 import oid

DAYS = 365


class Authority(NamedTuple):
    """A certificate authority with its private key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


def authority(directory: pathlib.Path, name: str = "ca") -> Authority:
    """Make an authority, kept as `<name>.crt` and `<name>.key` in `directory`; one that is there and valid is used again."""
    certificate, key = directory / f"{name}.crt", directory / f"{name}.key"
    if certificate.exists() and key.exists():
        kept = _loaded(certificate, key)
        if kept.certificate.not_valid_after_utc > _now() + dt.timedelta(days=30):
            return kept
    made = _authority(f"vllm-operator local {name}")
    _write(directory, name, made.certificate, made.key)
    return made


def issue(
    by: Authority, directory: pathlib.Path, name: str, *, user: str, group: str = "", hosts: tuple[str, ...] = ()
) -> tuple[pathlib.Path, pathlib.Path]:
    """Issue a certificate for server and client use; return the paths of certificate and key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = [x509.NameAttribute(oid.NameOID.COMMON_NAME, user)]
    subject += [x509.NameAttribute(oid.NameOID.ORGANIZATION_NAME, group)] if group else []
    builder = _builder(x509.Name(subject), by.certificate.subject, key).add_extension(
        x509.BasicConstraints(ca=False, path_length=None), critical=True
    )
    uses = [oid.ExtendedKeyUsageOID.SERVER_AUTH, oid.ExtendedKeyUsageOID.CLIENT_AUTH]
    builder = builder.add_extension(x509.ExtendedKeyUsage(uses), critical=False).add_extension(
        x509.AuthorityKeyIdentifier.from_issuer_public_key(by.key.public_key()), critical=False
    )
    if hosts:
        builder = builder.add_extension(x509.SubjectAlternativeName([_host(host) for host in hosts]), critical=False)
    return _write(directory, name, builder.sign(by.key, hashes.SHA256()), key)


def _authority(name: str) -> Authority:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(oid.NameOID.COMMON_NAME, name)])
    usage = x509.KeyUsage(
        digital_signature=True, key_cert_sign=True, crl_sign=True, content_commitment=False, key_encipherment=False,
        data_encipherment=False, key_agreement=False, encipher_only=False, decipher_only=False,
    )  # fmt: skip
    builder = (
        _builder(subject, subject, key)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    return Authority(builder.sign(key, hashes.SHA256()), key)


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    start = _now() - dt.timedelta(minutes=5)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + dt.timedelta(days=DAYS))
    )


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _loaded(certificate: pathlib.Path, key: pathlib.Path) -> Authority:
    private = serialization.load_pem_private_key(key.read_bytes(), None)
    if not isinstance(private, ec.EllipticCurvePrivateKey):
        raise TypeError(f"{key} is no elliptic-curve key")
    return Authority(x509.load_pem_x509_certificate(certificate.read_bytes()), private)


def _write(
    directory: pathlib.Path, name: str, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey
) -> tuple[pathlib.Path, pathlib.Path]:
    directory.mkdir(parents=True, exist_ok=True)
    certificate_path, key_path = directory / f"{name}.crt", directory / f"{name}.key"
    certificate_path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_path.touch(mode=0o600)
    key_path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
        )
    )
    return certificate_path, key_path


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)
