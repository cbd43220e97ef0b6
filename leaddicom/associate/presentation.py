"""The presentation contexts of an `LDicomAssociate`, and what goes with their SOP classes."""

from __future__ import annotations

from leaddicom.associate.checks import (
    BY_SOP_CLASS,
    LENGTH_LEFT_OUT,
    NOT_A_UID,
    checked_index,
    checked_result,
    checked_uid,
    cut,
)
from leaddicom.errors import DicomErrorCode, ParameterError
from leaddicom.mirror import differs
from leaddicom.upper_layer.association import Associate, PresentationContext

__all__ = ["PresentationContexts"]

_ID_CHECKED = (
    "The id is checked: odd, 1 to 255 and not in use; LEADTOOLS leaves that to the caller."
)
_RESULT_CHECKED = "Refuses results other than 0 to 4."
_FORGETS = (
    "With the last presentation context of a SOP class go its role selection and its extended "
    "negotiation."
)


class PresentationContexts:
    """Members for presentation contexts, roles and extended negotiation."""

    parameters: Associate

    def GetPresentationCount(self) -> int:
        """Return the number of presentation contexts."""
        return len(self.parameters.presentation_contexts)

    def GetPresentation(self, index: int) -> int:
        """Return the id of the context at `index`, counted from 0."""
        contexts = self.parameters.presentation_contexts
        return contexts[checked_index(contexts, index, "presentation context")].context_id

    @differs(_ID_CHECKED)
    def SetPresentation(self, index: int, presentation_id: int) -> None:
        """Give the context at `index` another id."""
        contexts = self.parameters.presentation_contexts
        context = contexts[checked_index(contexts, index, "presentation context")]
        if context.context_id != presentation_id:
            context.context_id = self._free_id(presentation_id)

    @differs(f"{_ID_CHECKED}  {_RESULT_CHECKED}  {NOT_A_UID}")
    def AddPresentation(self, presentation_id: int, result: int, abstract_uid: str) -> None:
        """Add a presentation context, without transfer syntaxes.

        Parameters
        ----------
        presentation_id : int
            Odd, 1 to 255.
        result : int
            `ContextResult`; of no meaning in a request.
        abstract_uid : str
            UID of the SOP class.
        """
        context = PresentationContext(
            self._free_id(presentation_id), checked_uid(abstract_uid), result=checked_result(result)
        )
        self.parameters.presentation_contexts.append(context)

    @differs(_FORGETS)
    def DelPresentation(self, presentation_id: int) -> None:
        """Delete a presentation context."""
        context = self._context(presentation_id)
        self.parameters.presentation_contexts.remove(context)
        self._forget(context.abstract_syntax)

    def GetResult(self, presentation_id: int) -> int:
        """Return the result of a context (`ContextResult`)."""
        return self._context(presentation_id).result

    @differs(_RESULT_CHECKED)
    def SetResult(self, presentation_id: int, result: int) -> None:
        """Set the result of a context (`ContextResult`)."""
        self._context(presentation_id).result = checked_result(result)

    def GetAbstract(self, presentation_id: int) -> str:
        """Return the abstract syntax UID of a context."""
        return self._context(presentation_id).abstract_syntax

    @differs(f"{NOT_A_UID}  {_FORGETS}")
    def SetAbstract(self, presentation_id: int, uid: str) -> None:
        """Set the abstract syntax UID of a context."""
        context = self._context(presentation_id)
        previous, context.abstract_syntax = context.abstract_syntax, checked_uid(uid)
        self._forget(previous)

    def FindAbstract(self, uid: str) -> int:
        """Return the id of the first context with this abstract syntax, 0 if there is none."""
        return next(iter(self._ids_of(uid)), 0)

    def FindNextAbstract(self, presentation_id: int, uid: str) -> int:
        """Return the id of the next context with this abstract syntax, 0 if there is none.

        Parameters
        ----------
        presentation_id : int
            Where the search begins; this context itself is left out.
        uid : str
            The abstract syntax.
        """
        contexts = self.parameters.presentation_contexts
        start = contexts.index(self._context(presentation_id)) + 1
        later = {context.context_id for context in contexts[start:]}
        return next((found for found in self._ids_of(uid) if found in later), 0)

    def GetAbstractCount(self, uid: str) -> int:
        """Return the number of contexts with this abstract syntax."""
        return len(self._ids_of(uid))

    # -- transfer syntaxes ---------------------------------------------------------------------

    def GetTransferCount(self, presentation_id: int) -> int:
        """Return the number of transfer syntaxes of a context."""
        return len(self._context(presentation_id).transfer_syntaxes)

    def GetTransfer(self, presentation_id: int, index: int) -> str:
        """Return a transfer syntax UID of a context; `index` counts from 0."""
        syntaxes = self._context(presentation_id).transfer_syntaxes
        return syntaxes[checked_index(syntaxes, index, "transfer syntax")]

    @differs(NOT_A_UID)
    def SetTransfer(self, presentation_id: int, index: int, uid: str) -> None:
        """Replace a transfer syntax UID of a context."""
        syntaxes = self._context(presentation_id).transfer_syntaxes
        syntaxes[checked_index(syntaxes, index, "transfer syntax")] = checked_uid(uid)

    @differs(NOT_A_UID)
    def AddTransfer(self, presentation_id: int, uid: str) -> None:
        """Add a transfer syntax UID to a context; earlier ones are preferred.

        An answer names one only, the accepted one.
        """
        self._context(presentation_id).transfer_syntaxes.append(checked_uid(uid))

    def DelTransfer(self, presentation_id: int, index: int) -> None:
        """Delete a transfer syntax of a context."""
        syntaxes = self._context(presentation_id).transfer_syntaxes
        del syntaxes[checked_index(syntaxes, index, "transfer syntax")]

    # -- role selection and extended negotiation, see the notes on the class -------------------

    @differs(BY_SOP_CLASS)
    def IsRoleSelect(self, presentation_id: int) -> bool:
        """Is there a role selection for the SOP class of this context?"""
        return self._context(presentation_id).abstract_syntax in self.parameters.roles

    @differs(BY_SOP_CLASS)
    def GetUserRole(self, presentation_id: int) -> int:
        """Return 1 if the requestor may be the SCU, else 0.

        Without role selection it is 1, DICOM's default (PS3.7 D.3.3.4).
        """
        return int(self._roles(presentation_id)[0])

    @differs(BY_SOP_CLASS)
    def GetProviderRole(self, presentation_id: int) -> int:
        """Return 1 if the requestor may be the SCP, else 0; without role selection 0."""
        return int(self._roles(presentation_id)[1])

    @differs(BY_SOP_CLASS)
    def SetRoleSelect(self, presentation_id: int, enabled: bool, user: int, provider: int) -> None:
        """Ask for roles of the requestor, or answer what it asked for.

        Holds for *all* contexts of the SOP class of this one: the item that is sent names the
        SOP class.  An answer to what was not asked for has no effect.

        Parameters
        ----------
        presentation_id : int
            A context of the SOP class.
        enabled : bool
            False removes the role selection; the rest is of no meaning then.
        user, provider : int
            1 if the requestor is to be SCU, SCP; 0 if not.
        """
        uid = self._sop_class(presentation_id)
        if not enabled:
            self.parameters.roles.pop(uid, None)
        elif user in (0, 1) and provider in (0, 1):
            self.parameters.roles[uid] = (bool(user), bool(provider))
        else:
            raise ParameterError(f"The roles are {user!r} and {provider!r}, but must be 0 or 1.")

    @differs(BY_SOP_CLASS)
    def GetLengthExtended(self, presentation_id: int) -> int:
        """Return the length of the extended negotiation data of this SOP class, in bytes."""
        return len(self.GetExtended(presentation_id))

    @differs(BY_SOP_CLASS)
    def GetExtended(self, presentation_id: int) -> bytes:
        """Return the extended negotiation data of the SOP class of this context, or ``b""``."""
        uid = self._context(presentation_id).abstract_syntax
        return self.parameters.extended_negotiation.get(uid, b"")

    @differs(f"{BY_SOP_CLASS}  {LENGTH_LEFT_OUT}")
    def SetExtended(self, presentation_id: int, data: bytes, length: int | None = None) -> None:
        """Set the extended negotiation data of the SOP class of this context.

        Parameters
        ----------
        presentation_id : int
            A context of the SOP class.
        data : bytes
            Service class application information; nothing removes the negotiation.
        length : int, optional
            How many bytes of `data` to take; all if left out.
        """
        uid = self._sop_class(presentation_id)
        value = cut(data, length)
        if value:
            self.parameters.extended_negotiation[uid] = value
        else:
            self.parameters.extended_negotiation.pop(uid, None)

    # -- what the methods share ----------------------------------------------------------------

    def _context(self, presentation_id: int) -> PresentationContext:
        context = self.parameters.context(presentation_id)
        if context is None:
            ids = [known.context_id for known in self.parameters.presentation_contexts]
            raise ParameterError(
                f"There is no presentation context {presentation_id!r}; there are {ids}.",
                DicomErrorCode.PDU_ID,
            )
        return context

    def _ids_of(self, uid: str) -> list[int]:
        contexts = self.parameters.presentation_contexts
        return [context.context_id for context in contexts if context.abstract_syntax == uid]

    def _free_id(self, presentation_id: int) -> int:
        if presentation_id not in range(1, 256, 2) or self.parameters.context(presentation_id):
            raise ParameterError(
                f"The presentation context id is {presentation_id!r}, but must be odd, 1 to "
                "255, and not in use (PS3.8 section 9.3.2.2).",
                DicomErrorCode.PDU_ID,
            )
        return presentation_id

    def _sop_class(self, presentation_id: int) -> str:
        uid = self._context(presentation_id).abstract_syntax
        if not uid:
            raise ParameterError(
                f"Presentation context {presentation_id} names no abstract syntax, and this is "
                "negotiated by SOP class; call SetAbstract first."
            )
        return uid

    def _roles(self, presentation_id: int) -> tuple[bool, bool]:
        uid = self._context(presentation_id).abstract_syntax
        return self.parameters.roles.get(uid, (True, False))

    def _forget(self, uid: str) -> None:
        """Drop what was negotiated for a SOP class that no context names any more."""
        if not self._ids_of(uid):
            self.parameters.roles.pop(uid, None)
            self.parameters.extended_negotiation.pop(uid, None)
