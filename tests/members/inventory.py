"""The members of LEADTOOLS' `LDicomNet` and `LDicomAssociate`, as data.

A line is a member as C++ has it, with our names of the parameters in LEADTOOLS' order.  What
stands behind ``->`` are parameters of LEADTOOLS that are left out, because Python returns what
would be written into them, or knows the size of what it is given.  ``static`` is a member that
needs no object.

`test_inventory` compares it with the code, and the porting guide is made from it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["INVENTORY", "OURS", "Member", "members"]


@dataclass(frozen=True, slots=True)
class Member:
    """A member of one of LEADTOOLS' classes.

    Attributes
    ----------
    owner : str
        Name of the class.
    group : str
        What it belongs to.
    name : str
        Its name; of a constructor, the class's.
    parameters : tuple of str
        In LEADTOOLS' order, under our names.
    left_out : tuple of str
        Parameters of LEADTOOLS that we do not have.
    static : bool
        Whether it needs no object.
    """

    owner: str
    group: str
    name: str
    parameters: tuple[str, ...]
    left_out: tuple[str, ...]
    static: bool

    @property
    def is_event(self) -> bool:
        """Whether an application overrides it, instead of calling it."""
        return self.name.startswith("On") or self.name in _HOOKS


#: Events whose names do not begin with "On".
_HOOKS = {"GetChallengeISCL", "InternalAuthenticateISCL", "ExternalAuthenticateISCL"}

#: CamelCase members that LEADTOOLS does not have, and what they are for.
OURS = {
    "CreateClient": "what the default OnAccept serves a caller with; a subclass may change it",
    "Reload": "other certificates and lists without an interruption, which LEADTOOLS has not",
}

_REQUEST = "presentation_id, message_id, sop_class_uid"
_INSTANCE = f"{_REQUEST}, sop_instance_uid"
_COUNTS = "remaining, completed, failed, warning"

# What a DIMSE message carries, for the method that sends it and for the event.
_MESSAGES = {
    "CStoreRequest": f"{_INSTANCE}, priority, move_ae, move_message_id, dataset",
    "CStoreResponse": f"{_INSTANCE}, status",
    "CFindRequest": f"{_REQUEST}, priority, dataset",
    "CFindResponse": f"{_REQUEST}, status, dataset",
    "CGetRequest": f"{_REQUEST}, priority, dataset",
    "CGetResponse": f"{_REQUEST}, status, {_COUNTS}, dataset",
    "CMoveRequest": f"{_REQUEST}, priority, move_ae, dataset",
    "CMoveResponse": f"{_REQUEST}, status, {_COUNTS}, dataset",
    "CCancelRequest": "presentation_id, message_id",
    "CEchoRequest": _REQUEST,
    "CEchoResponse": f"{_REQUEST}, status",
    "NReportRequest": f"{_INSTANCE}, event, dataset",
    "NReportResponse": f"{_INSTANCE}, status, event, dataset",
    "NGetRequest": f"{_INSTANCE}, attributes, count",
    "NGetResponse": f"{_INSTANCE}, status, dataset",
    "NSetRequest": f"{_INSTANCE}, dataset",
    "NSetResponse": f"{_INSTANCE}, status, dataset",
    "NActionRequest": f"{_INSTANCE}, action, dataset",
    "NActionResponse": f"{_INSTANCE}, status, action, dataset",
    "NCreateRequest": f"{_INSTANCE}, dataset",
    "NCreateResponse": f"{_INSTANCE}, status, dataset",
    "NDeleteRequest": _INSTANCE,
    "NDeleteResponse": f"{_INSTANCE}, status",
}


def _lines(prefix: str) -> str:
    return "\n".join(f"{prefix}{name}({fields})" for name, fields in _MESSAGES.items())


_LDICOMNET = {
    "Lifecycle": """
        static StartUp()
        static ShutDown()
        LDicomNet(path, mode, reserved)
        Initialize(path, mode, ctx)
        static GetOpenSslVersion() -> version, struct_size, flags
        EnableReferenceCounting(enable)
        static Breathe()
        SetDebugMode(flags)
        """,
    "Connection": """
        Connect(host_address, host_port, peer_address, peer_port, ip_type)
        Listen(host_address, host_port, nb_peers, ip_type)
        Accept(client)
        Close()
        CloseForced(forced)
        ServerClose()
        IsActivated()
        IsConnected()
        IsAssociated()
        GetHostInfo() -> address, address_size, port
        GetPeerInfo() -> address, address_size, port
        GetServer()
        GetClientCount()
        GetClient(index)
        GetSocketOptions() -> options, struct_size
        SetSocketOptions(options)
        static GetDefaultSocketOptions() -> options, struct_size
        SetFlags(flags)
        GetFlags()
        EnableOptimizedSend(enable)
        EnableOptimizedMemorySend(enable)
        IsOptimizedMemorySendEnabled()
        OnConnect(error)
        OnAccept(error)
        OnClose(error, net)
        """,
    "Association": """
        SendAssociateRequest(associate)
        SendAssociateAccept(associate)
        SendAssociateReject(result, source, reason)
        SendReleaseRequest()
        SendReleaseResponse()
        SendAbort(source, reason)
        GetAssociate()
        OnReceiveAssociateRequest(associate)
        OnReceiveAssociateAccept(associate)
        OnReceiveAssociateReject(result, source, reason)
        OnReceiveReleaseRequest()
        OnReceiveReleaseResponse()
        OnReceiveAbort(source, reason)
        """,
    "Messages: sending": f"""
        SendData(presentation_id, command_set, dataset)
        {_lines("Send")}
        """,
    "Messages: events": f"""
        OnReceiveData(presentation_id, command_set, dataset)
        {_lines("OnReceive")}
        OnReceiveUnknown(presentation_id, command_set, dataset)
        OnBeforeSendCommandSet(command_set)
        """,
    "Queue and PDUs": """
        GetQueueSend()
        GetCommandSet()
        OnSend(error, pdu_type, length)
        OnSendExt(info)
        OnReceive(error, pdu_type, buffer, length)
        """,
    "TLS": """
        GetSecureMode()
        SetClientCertificateTLS(cert_path, cert_type, key_path)
        SetServerCertificateTLS(cert_path, cert_type, key_path)
        SetCipherToIndexTLS(index, cipher)
        GetCipherFromIndexTLS(index)
        GetCiphersuiteTLS()
        static GetEncryptionAlgorithmTLS(cipher)
        static GetIntegrityAlgorithmTLS(cipher)
        static GetAuthenticationAlgorithmTLS(cipher)
        static GetKeyExchangeAlgorithmTLS(cipher)
        static GetEncryptKeyLengthTLS(cipher)
        GetMutualAuthKeyLengthTLS(cipher)
        GetErrorSecure()
        OnSecureLinkReady(error)
        OnPrivateKeyPassword(encryption) -> password, size
        OnVerify(ok, certificate_text, error, error_text)
        """,
    "TLS: internal part of the class": """
        OnCreateCTX(context)
        GetCTX()
        CTXSetOptions(options)
        SetSLLMethodType(method_type)
        SetIsSecureConnected(connected)
        GetIsSecureConnected()
        GetTLSStatus()
        SetTLSStatus(status)
        SetHandshakeDebug(enable)
        """,
    "ISCL": """
        SetMutualAuthAlgISCL(algorithm)
        SetAuthDataISCL(data, length)
        GetPeerAuthDataISCL() -> data, length
        SetMutualAuthKeyISCL(index, key)
        SetIndexForMutualAuthISCL(index)
        GetIndexForMutualAuthISCL()
        SetEncryptKeyISCL(index, key)
        SetIndexForEncryptISCL(index)
        GetIndexForEncryptISCL()
        SetDefaultEncryptionISCL(algorithm)
        SetDefaultSigningISCL(algorithm)
        GetPeerEncryptionISCL()
        GetPeerMACISCL()
        SetMaxCommBlockLengthISCL(length)
        GetCommBlockLengthISCL()
        SetMaxMessageLengthISCL(length)
        GetPeerRequestedMessageLengthISCL()
        SendNonSecureISCL(buffer, length)
        GetStatusISCL()
        IsISCLQueueEmpty()
        OnNonSecureSendISCL(error, item_type, length)
        OnNonSecureReceivedISCL(error, buffer, length)
        OnReceivedISCLPacket(error, buffer, length)
        GetChallengeISCL(parameter) -> challenge
        InternalAuthenticateISCL(challenge, parameter) -> response
        ExternalAuthenticateISCL(challenge, response, parameter)
        """,
}

_LDICOMASSOCIATE = {
    "Life": """
        LDicomAssociate(request)
        Reset(request)
        Default()
        IsRequest()
        SetRequest(request)
        Clone()
        """,
    "Header": """
        GetVersion()
        SetVersion(version)
        GetCalled() -> buffer, size
        SetCalled(called)
        GetCalling() -> buffer, size
        SetCalling(calling)
        GetApplication() -> buffer, size
        SetApplication(uid)
        """,
    "Presentation contexts": """
        GetPresentationCount()
        GetPresentation(index)
        SetPresentation(index, presentation_id)
        AddPresentation(presentation_id, result, abstract_uid)
        DelPresentation(presentation_id)
        GetResult(presentation_id)
        SetResult(presentation_id, result)
        """,
    "Abstract syntax": """
        GetAbstract(presentation_id) -> buffer, size
        SetAbstract(presentation_id, uid)
        FindAbstract(uid)
        FindNextAbstract(presentation_id, uid)
        GetAbstractCount(uid)
        """,
    "Transfer syntax": """
        GetTransferCount(presentation_id)
        GetTransfer(presentation_id, index) -> buffer, size
        SetTransfer(presentation_id, index, uid)
        AddTransfer(presentation_id, uid)
        DelTransfer(presentation_id, index)
        """,
    "Role selection": """
        IsRoleSelect(presentation_id)
        GetUserRole(presentation_id)
        GetProviderRole(presentation_id)
        SetRoleSelect(presentation_id, enabled, user, provider)
        """,
    "SOP class extended negotiation": """
        GetLengthExtended(presentation_id)
        GetExtended(presentation_id)
        SetExtended(presentation_id, data, length)
        """,
    "Maximum length": """
        IsMaxLength()
        GetMaxLength()
        SetMaxLength(enabled, max_length)
        """,
    "Implementation": """
        IsImplementClass()
        GetImplementClass() -> buffer, size
        SetImplementClass(enabled, uid)
        IsImplementVersion()
        GetImplementVersion() -> buffer, size
        SetImplementVersion(enabled, version)
        """,
    "Asynchronous operations": """
        IsAsyncOperations()
        GetInvokedOperations()
        GetPerformedOperations()
        SetAsyncOperations(enabled, invoked, performed)
        """,
    "Raw user items": """
        GetUserInfoCount()
        GetTypeUserInfo(index)
        GetLengthUserInfo(index)
        GetDataUserInfo(index)
        SetUserInfo(index, item_type, data, length)
        AddUserInfo(item_type, data, length)
        DelUserInfo(index)
        """,
}

_LINE = re.compile(r"(static )?(\w+)\(([\w, ]*)\)(?: -> ([\w, ]+))?")


def _parse(owner: str, groups: dict[str, str]) -> tuple[Member, ...]:
    found = []
    for group, text in groups.items():
        for line in filter(None, map(str.strip, text.splitlines())):
            parsed = _LINE.fullmatch(line)
            if parsed is None:
                raise ValueError(f"The inventory has a line that is no member: {line!r}")
            static, name, parameters, left_out = parsed.groups()
            found.append(
                Member(owner, group, name, _names(parameters), _names(left_out), bool(static))
            )
    return tuple(found)


def _names(text: str | None) -> tuple[str, ...]:
    return tuple(filter(None, re.split(r",\s*", text or "")))


#: Every member, in the order in which a reader looks for it.
INVENTORY: tuple[Member, ...] = (
    *_parse("LDicomNet", _LDICOMNET),
    *_parse("LDicomAssociate", _LDICOMASSOCIATE),
)


def members(owner: str) -> tuple[Member, ...]:
    """Give the members of one class."""
    return tuple(member for member in INVENTORY if member.owner == owner)
