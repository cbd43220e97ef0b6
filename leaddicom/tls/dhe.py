"""The group for DHE, which only old profiles have.

Without one, OpenSSL does DHE with clients alone that name groups (RFC 7919), which those of TLS
1.2 and older that offer no ECDHE suite do not.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from OpenSSL import SSL

__all__ = ["FFDHE2048", "set_dhe_group"]

#: RFC 7919 appendix A.1: 2048 bits, the least that PS3.15 B.11 allows and the most that many
#: peers of its time can do.
FFDHE2048 = b"""\
-----BEGIN DH PARAMETERS-----
MIIBCAKCAQEA//////////+t+FRYortKmq/cViAnPTzx2LnFg84tNpWp4TZBFGQz
+8yTnc4kmz75fS/jY2MMddj2gbICrsRhetPfHtXV/WVhJDP1H18GbtCFY2VVPe0a
87VXE15/V8k1mE8McODmi3fipona8+/och3xWKE2rec1MKzKT0g6eXq8CrGCsyT7
YdEIqUuyyOP7uWrat2DX9GgdT0Kj3jlN9K5W7edjcrsZCwenyO4KbXCeAvzhzffi
7MA0BM0oNC9hkXL+nOmFg/+OTxIy7vKBg8P+OxtMb61zO7X8vC7CIAXFjvGDfRaD
ssbzSibBsu/6iGtCOGEoXJf//////////wIBAg==
-----END DH PARAMETERS-----
"""


def set_dhe_group(context: SSL.Context) -> None:
    """Have a server's `context` offer its group for DHE to every client."""
    with tempfile.TemporaryDirectory(prefix="leaddicom-") as folder:
        path = Path(folder, "ffdhe2048.pem")
        path.write_bytes(FFDHE2048)
        context.load_tmp_dh(str(path))
