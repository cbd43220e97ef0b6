"""What an end negotiates under a profile, found out by handshakes and written as text.

After a change that is meant, write the files anew: ``cd tests && python -m tls.policy``.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from OpenSSL import SSL
from OpenSSL._util import lib

from leaddicom.tls import PROFILES, Role
from leaddicom.tls.openssl import set_signature_algorithms

from .pairs import careless_context, connect
from .worlds import TwoKinds

FOLDER = Path(__file__).parent / "policies"

VERSIONS = {
    "TLSv1.3": SSL.TLS1_3_VERSION,
    "TLSv1.2": SSL.TLS1_2_VERSION,
    "TLSv1.1": SSL.TLS1_1_VERSION,
    "TLSv1": SSL.TLS1_VERSION,
}
TLS13_SUITES = [
    "TLS_AES_256_GCM_SHA384",
    "TLS_CHACHA20_POLY1305_SHA256",
    "TLS_AES_128_GCM_SHA256",
    "TLS_AES_128_CCM_SHA256",
    "TLS_AES_128_CCM_8_SHA256",
]

# IANA's registry "TLS Supported Groups", with OpenSSL's names
GROUPS = {
    0x11EC: "X25519MLKEM768",
    0x11EB: "SecP256r1MLKEM768",
    0x11ED: "SecP384r1MLKEM1024",
    0x11EE: "curveSM2MLKEM768",
    0x001D: "x25519",
    0x0017: "secp256r1",
    0x001E: "x448",
    0x0018: "secp384r1",
    0x0019: "secp521r1",
    0x0015: "secp224r1",
    0x0013: "secp192r1",
    0x0016: "secp256k1",
    0x001A: "brainpoolP256r1",
    0x001B: "brainpoolP384r1",
    0x001C: "brainpoolP512r1",
    0x0029: "curveSM2",
    0x0100: "ffdhe2048",
    0x0101: "ffdhe3072",
    0x0102: "ffdhe4096",
}

# IANA's registry "TLS SignatureScheme"; TLS 1.2 has them as pairs of hash and signature
SIGNATURES = {
    0x0403: "ecdsa_secp256r1_sha256",
    0x0503: "ecdsa_secp384r1_sha384",
    0x0603: "ecdsa_secp521r1_sha512",
    0x0807: "ed25519",
    0x0808: "ed448",
    0x0804: "rsa_pss_rsae_sha256",
    0x0805: "rsa_pss_rsae_sha384",
    0x0806: "rsa_pss_rsae_sha512",
    0x0809: "rsa_pss_pss_sha256",
    0x080A: "rsa_pss_pss_sha384",
    0x080B: "rsa_pss_pss_sha512",
    0x0401: "rsa_pkcs1_sha256",
    0x0501: "rsa_pkcs1_sha384",
    0x0601: "rsa_pkcs1_sha512",
    0x0301: "rsa_pkcs1_sha224",
    0x0303: "ecdsa_sha224",
    0x0201: "rsa_pkcs1_sha1",
    0x0203: "ecdsa_sha1",
    0x0202: "dsa_sha1",
    0x0302: "dsa_sha224",
    0x0402: "dsa_sha256",
    0x0502: "dsa_sha384",
    0x0602: "dsa_sha512",
    0x0708: "sm2sig_sm3",
    0x081A: "ecdsa_brainpoolP256r1tls13_sha256",
    0x081B: "ecdsa_brainpoolP384r1tls13_sha384",
    0x081C: "ecdsa_brainpoolP512r1tls13_sha512",
    0x0904: "mldsa44",
    0x0905: "mldsa65",
    0x0906: "mldsa87",
}

EXTENSIONS = {
    0: "server_name", 5: "status_request", 10: "supported_groups", 11: "ec_point_formats",
    13: "signature_algorithms", 16: "application_layer_protocol_negotiation",
    22: "encrypt_then_mac", 23: "extended_master_secret", 35: "session_ticket",
    41: "pre_shared_key", 42: "early_data", 43: "supported_versions",
    45: "psk_key_exchange_modes", 49: "post_handshake_auth", 50: "signature_algorithms_cert",
    51: "key_share", 0xFF01: "renegotiation_info",
}  # fmt: skip

Change = Callable[[SSL.Context], None]


class Server:
    """A server under a profile, asked by a client that takes everything."""

    def __init__(self, world: TwoKinds, name: str) -> None:
        self._world = world
        self.context = world.context(Role.SERVER, name)

    def answer(self, version: int, change: Change) -> SSL.Connection | None:
        """Shake hands with a changed client; give its end, or nothing if the server refuses."""
        own = self._world.issued[Role.CLIENT, "RSA"]
        context = careless_context(Role.CLIENT, own, version)
        change(context)
        client, server = connect(context, self.context)
        # A client's certificate may not fit what it offers; the server's choice is made by then.
        chosen = client.ready or server.ready or client.connection.get_cipher_name() is not None
        return client.connection if chosen else None

    def suites(self, version: int) -> list[str]:
        """Offer all suites, then all but the one that was taken, until none is."""
        left = TLS13_SUITES if version == SSL.TLS1_3_VERSION else _every_suite()
        return list(self._eliminate(version, left, _offer_suites, _suite_of))

    def groups(self, version: int) -> list[str]:
        known = [each for each in GROUPS.values() if has_group(each)]
        return list(self._eliminate(version, known, _offer_groups, _group_of))

    def signatures(self, version: int) -> list[str]:
        def offer(context: SSL.Context, name: str) -> None:
            context.set_cipher_list(b"ECDHE:@SECLEVEL=0")
            set_signature_algorithms(context, name)

        return [
            name
            for name in SIGNATURES.values()
            if has_signature(name)
            and self.answer(version, lambda context, name=name: offer(context, name))
        ]

    def _eliminate(
        self,
        version: int,
        names: list[str],
        offer: Callable[[SSL.Context, list[str]], None],
        taken: Callable[[SSL.Connection], str],
    ) -> Iterator[str]:
        left = list(reversed(names))
        while left:
            connection = self.answer(version, lambda context: offer(context, left))
            if connection is None:
                return
            name = taken(connection)
            left.remove(name)
            yield name


def _every_suite() -> list[str]:
    context = careless_context(Role.CLIENT, None, SSL.TLS1_2_VERSION)
    context.set_cipher_list(b"ALL:COMPLEMENTOFALL:@SECLEVEL=0")
    return [
        name
        for name in SSL.Connection(context, None).get_cipher_list()
        if not name.startswith(("TLS_", "PSK", "RSA-PSK", "DHE-PSK", "ECDHE-PSK", "SRP", "GOST"))
    ]


def _offer_suites(context: SSL.Context, names: list[str]) -> None:
    if names[0].startswith("TLS_"):
        context.set_tls13_ciphersuites(":".join(names).encode())
    else:
        context.set_cipher_list((":".join(names) + ":@SECLEVEL=0").encode())


def _suite_of(connection: SSL.Connection) -> str:
    return str(connection.get_cipher_name())


def _offer_groups(context: SSL.Context, names: list[str]) -> None:
    context.set_cipher_list(b"ECDHE:@SECLEVEL=0")
    assert lib.SSL_CTX_set1_curves_list(context._context, ":".join(names).encode()) == 1


def _group_of(connection: SSL.Connection) -> str:
    name = str(connection.get_group_name())
    return {"prime256v1": "secp256r1"}.get(name, name)


def has_group(name: str) -> bool:
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    found = lib.SSL_CTX_set1_curves_list(context._context, name.encode()) == 1
    lib.ERR_clear_error()
    return found


def has_signature(name: str) -> bool:
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    found = lib.SSL_CTX_set1_sigalgs_list(context._context, name.encode()) == 1
    lib.ERR_clear_error()
    return found


# -------------------------------------------------------------------------- the client


def first_flight(context: SSL.Context) -> bytes:
    connection = SSL.Connection(context, None)
    connection.set_connect_state()
    connection.set_tlsext_host_name(b"pacs.example")
    with contextlib.suppress(SSL.WantReadError):
        connection.do_handshake()
    return connection.bio_read(65536)


def parse_hello(hello: bytes) -> tuple[list[int], list[int], dict[int, bytes]]:
    """Take a ClientHello in one record apart: suites, compression methods, extensions."""
    at = 5 + 4 + 2 + 32
    at += 1 + hello[at]
    size = int.from_bytes(hello[at : at + 2], "big")
    suites = numbers(hello[at + 2 : at + 2 + size])
    at += 2 + size
    compression = list(hello[at + 1 : at + 1 + hello[at]])
    at += 1 + hello[at] + 2
    extensions = {}
    while at < len(hello):
        kind, size = numbers(hello[at : at + 4])
        extensions[kind] = hello[at + 4 : at + 4 + size]
        at += 4 + size
    return suites, compression, extensions


def numbers(data: bytes) -> list[int]:
    return [int.from_bytes(data[at : at + 2], "big") for at in range(0, len(data), 2)]


def _named(codes: list[int], names: dict[int, str]) -> list[str]:
    return [names.get(code, f"{code:#06x}") for code in codes]


def client_lines(context: SSL.Context) -> Iterator[str]:
    suites, compression, extensions = parse_hello(first_flight(context))
    versions = {0x0304: "TLSv1.3", 0x0303: "TLSv1.2", 0x0302: "TLSv1.1", 0x0301: "TLSv1"}
    shown = _named(numbers(extensions[43][1:]), versions) if 43 in extensions else ["TLSv1.2"]
    names = SSL.Connection(context, None).get_cipher_list()
    scsv = ["+ renegotiation SCSV"] if 0x00FF in suites else []
    yield from _listed("versions", shown)
    yield from _listed("suites", [*names, *scsv])
    yield from _listed("compression", ["none" if each == 0 else str(each) for each in compression])
    for kind, title, table in ((10, "groups", GROUPS), (13, "signatures", SIGNATURES)):
        if kind in extensions:
            yield from _listed(title, _named(numbers(extensions[kind][2:]), table))
    yield from _listed("extensions", sorted(_named(list(extensions), EXTENSIONS)))


# ---------------------------------------------------------------------------- the text


def _listed(title: str, names: list[str]) -> Iterator[str]:
    yield f"  {title}"
    yield from (f"    {name}" for name in names)


def text_of(world: TwoKinds, name: str) -> str:
    """Describe what a server and a client negotiate under a profile."""
    lines = [f"{name} ({PROFILES[name].section})"]
    server = Server(world, name)
    for title, version in VERSIONS.items():
        suites = server.suites(version)
        if not suites:
            lines.append(f"Server refuses {title}")
            continue
        lines.append(f"Server accepts {title}, best first")
        lines += _listed("suites", suites)
        if any(each.startswith(("TLS_", "ECDHE")) for each in suites):
            lines += _listed("groups", server.groups(version))
            if version >= SSL.TLS1_2_VERSION:
                lines += _listed("signatures", server.signatures(version))
    lines.append("Client offers")
    lines += client_lines(world.context(Role.CLIENT, name))
    return "\n".join(lines) + "\n"


def path_of(name: str) -> Path:
    return FOLDER / f"{PROFILES[name].short_name}.txt"


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        made = TwoKinds(Path(folder))
        for each in PROFILES:
            path_of(each).write_text(text_of(made, each), encoding="ascii")
