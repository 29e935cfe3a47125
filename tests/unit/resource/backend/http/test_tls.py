"""Servers that must show who they are before a key is sent to them."""

import asyncio
import datetime as dt
import ipaddress
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from modelnet.core.error import EngineError
from modelnet.resource.backend.guard import Lifetime
from modelnet.resource.backend.http import Client

pytestmark = pytest.mark.anyio


def write_certificate(path: Path, address: str) -> Path:
    """Write a key and its own certificate for an address."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(minutes=1))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))]), False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    form = serialization.PrivateFormat.PKCS8
    pem = serialization.Encoding.PEM
    path.write_bytes(
        key.private_bytes(pem, form, serialization.NoEncryption()) + certificate.public_bytes(pem)
    )
    return path


@asynccontextmanager
async def serving(certificate: Path, heard: list[bytes]) -> AsyncIterator[str]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: close\r\n\r\n7")
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    yield f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    server.close()
    await server.wait_closed()


async def ask(root: str) -> object:
    lifetime = Lifetime("m", time.time)
    lifetime.begin()
    client = Client(root, "m", lifetime, time.time, {"Authorization": "Bearer k"})
    client.open()
    try:
        return await client.get(f"{root}/x", time.time() + 5)
    finally:
        await client.close()


async def test_a_server_the_system_trusts_is_told_the_key(tmp_path: Path, monkeypatch):
    certificate = write_certificate(tmp_path / "c.pem", "127.0.0.1")
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    heard: list[bytes] = []
    async with serving(certificate, heard) as root:
        assert await ask(root) == 7
    assert b"Bearer k" in heard[0]


@pytest.mark.parametrize(("address", "is_trusted"), [("127.0.0.1", False), ("127.0.0.2", True)])
async def test_any_other_is_told_nothing(tmp_path: Path, monkeypatch, address, is_trusted):
    certificate = write_certificate(tmp_path / "c.pem", address)
    if is_trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    heard: list[bytes] = []
    async with serving(certificate, heard) as root:
        with pytest.raises(EngineError, match="certificate"):
            await ask(root)
    assert heard == []
