"""Resumption of sessions: the next handshake with the same peer without certificates (RFC 8446).

What the peer has shown once is checked anew each time (`verification.verify_again`).  A session
belongs to the context that it began with, so that other certificates, CAs or revocation lists
need a context of their own, and with it a full handshake.

A server keeps the sessions in memory and gives its clients only their numbers; tickets, which
would keep them at the client, need keys that somebody has to change (RFC 9325 section 3.4).
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable
from weakref import WeakKeyDictionary

from OpenSSL import SSL

from leaddicom.tls.verification import Role

__all__ = ["LIFETIME", "Sessions", "allow_resumption", "sessions_of"]

#: Seconds for which a server resumes a session.  In TLS 1.3 each resumption begins a new one, so
#: that a peer that keeps coming is asked for its key again only with the next context.
LIFETIME = 300

_MOST = 100


class Sessions:
    """The sessions of a client's context, the last one of each server.

    It may be used by any number of threads.
    """

    def __init__(self) -> None:
        self._kept: OrderedDict[Hashable, SSL.Session] = OrderedDict()
        self._lock = threading.Lock()

    def keep(self, server: Hashable, session: SSL.Session) -> None:
        """Keep a session with a server; of too many, the oldest goes."""
        with self._lock:
            self._kept[server] = session
            self._kept.move_to_end(server)
            while len(self._kept) > _MOST:
                self._kept.popitem(last=False)

    def take(self, server: Hashable) -> SSL.Session | None:
        """Take a session out, for one handshake only (RFC 8446 appendix C.4)."""
        with self._lock:
            return self._kept.pop(server, None)


_SESSIONS: WeakKeyDictionary[SSL.Context, Sessions] = WeakKeyDictionary()


def allow_resumption(context: SSL.Context, role: Role) -> None:
    """Have a context that was not used yet resume sessions."""
    if role is Role.SERVER:
        context.set_session_cache_mode(SSL.SESS_CACHE_SERVER)
        context.set_timeout(LIFETIME)
    else:
        _SESSIONS[context] = Sessions()


def sessions_of(context: SSL.Context) -> Sessions | None:
    """Give the sessions of a client's context; `None` if it resumes none."""
    return _SESSIONS.get(context)
