"""What the TLS methods of an `LDicomNet` have set, and the TLS contexts that are made of it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from OpenSSL import SSL

from leaddicom.enums import SecureMode
from leaddicom.tls.credentials import Credentials, Password
from leaddicom.tls.settings import TlsSettings, build_context
from leaddicom.tls.suites import Ciphersuite
from leaddicom.tls.verification import Role
from leaddicom.transport.connection import SecureEnd

__all__ = ["MAX_CIPHERSUITE_COUNT", "Security"]

#: Entries of the cipher suite table (LEADTOOLS' constant of that name).
MAX_CIPHERSUITE_COUNT = 16


@dataclass(slots=True)
class Security:
    """How an `LDicomNet` is protected.

    Attributes
    ----------
    mode : SecureMode
        TLS or none.
    settings : TlsSettings
        Profile, trusted CAs, verification.
    credentials : tuple of Credentials
        Own certificates and keys, one for each kind of key.
    suites : list of Ciphersuite
        The table of `SetCipherToIndexTLS`, filled with NONE.
    options : int
        LEADTOOLS' option bits that `CTXSetOptions` was given so far.
    """

    mode: SecureMode = SecureMode.TLS
    settings: TlsSettings = field(default_factory=TlsSettings)
    credentials: tuple[Credentials, ...] = ()
    suites: list[Ciphersuite] = field(
        default_factory=lambda: [Ciphersuite.NONE] * MAX_CIPHERSUITE_COUNT
    )
    options: int = 0
    _ends: dict[Role, SecureEnd] = field(default_factory=dict)
    # Reentrant: OnCreateCTX runs inside `reload` and may set something.
    _changing: Any = field(default_factory=threading.RLock, init=False, repr=False, compare=False)

    @property
    def context(self) -> SSL.Context | None:
        """The context that was built last, if there is one."""
        return next((each.context for each in reversed(self._ends.values())), None)

    def copy(self) -> Security:
        """Give a copy whose changes do not come back; built contexts are shared."""
        return replace(self, suites=list(self.suites), _ends=dict(self._ends))

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Change what contexts are built from; those that were built are forgotten then.

        Nobody else changes anything meanwhile, nor does `reload`.
        """
        with self._changing:
            yield
            self._ends = {}

    def end(
        self,
        role: Role,
        on_create: Callable[[SSL.Context], None] | None = None,
        may_resume: bool = True,
    ) -> SecureEnd | None:
        """Give the TLS end for a role, built at the first call; `None` without TLS.

        Parameters
        ----------
        role : Role
            Client or server.
        on_create : Callable[[SSL.Context], None], optional
            Sees a context that was built, before it is used.
        may_resume : bool
            Whether sessions may be resumed, if the settings want it.

        Raises
        ------
        TlsError
            Something is missing, unreadable or too weak.
        """
        if self.mode is not SecureMode.TLS:
            return None
        ends = self._ends  # `changing` may replace it meanwhile
        end = ends.get(role)
        if end is None:
            settings = self._effective(self.settings, may_resume)
            end = ends[role] = _build(role, settings, self.credentials, on_create)
        return end

    def reload(
        self,
        password: Password,
        on_create: Callable[[SSL.Context], None] | None = None,
        settings: TlsSettings | None = None,
        may_resume: bool = True,
    ) -> None:
        """Read all files anew, for the connections to come; what fails changes nothing.

        Parameters
        ----------
        password : callable
            As for `load_credentials`.
        on_create, may_resume
            As for `end`.
        settings : TlsSettings, optional
            To be used from now on.

        Raises
        ------
        TlsError
            Something is missing, unreadable or too weak.
        """
        with self._changing:  # or the slower of two threads would bring back what was replaced
            settings = settings or self.settings
            credentials = tuple(each.reloaded(password) for each in self.credentials)
            effective = self._effective(settings, may_resume)
            ends = {
                role: _build(role, effective, credentials, on_create)
                for role in tuple(self._ends) or (Role.CLIENT,)
            }
            # Who connects or accepts in between takes the old end or the new one, whole.
            self.settings, self.credentials, self._ends = settings, credentials, ends

    def _effective(self, settings: TlsSettings, may_resume: bool) -> TlsSettings:
        chosen = tuple(each for each in self.suites if each is not Ciphersuite.NONE)
        return replace(
            settings,
            cipher_suites=chosen or settings.cipher_suites,
            # A resumed session of TLS 1.2 tells the server's name of its beginning.
            session_resumption=settings.session_resumption
            and may_resume
            and not settings.server_names,
        )


def _build(
    role: Role,
    settings: TlsSettings,
    credentials: tuple[Credentials, ...],
    on_create: Callable[[SSL.Context], None] | None,
) -> SecureEnd:
    context = build_context(settings, credentials, role)
    if on_create is not None:
        on_create(context)
    return SecureEnd(context, settings)
