"""Every deadline and every limit, in one place.

The defaults are safe for a server on the open Internet.  Times are in seconds, sizes in bytes.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

from leaddicom.errors import ParameterError

__all__ = ["MAXIMUM_PDU_LENGTH", "MINIMUM_PDU_LENGTH", "Limits"]

#: Maximum length of a P-DATA-TF that we announce.  With the 6 bytes of the PDU header it
#: fills exactly eight TLS records of 16,384 bytes (RFC 8446 section 5.1), so that no PDU
#: drags a nearly empty record behind it.
MAXIMUM_PDU_LENGTH = 8 * 16_384 - 6

#: Smallest maximum length that we work with.  PS3.8 names none; below this a response needs
#: dozens of PDUs and a peer that asks for it is either broken or hostile.
MINIMUM_PDU_LENGTH = 1_018


@dataclass(frozen=True, slots=True)
class Limits:
    """Deadlines and limits of a connection and of a listener.

    Attributes
    ----------
    connect_timeout : float
        Until TCP is up, for all addresses of the host together.  Looking up the host's name
        comes before; its time is the system's.
    handshake_timeout : float
        From TCP to the end of the TLS handshake.
    artim_timeout : float
        ARTIM (PS3.8 section 9.1.5): an acceptor waits so long for the A-ASSOCIATE-RQ, and
        either side for the peer to close after a reject or an abort.
    associate_timeout : float
        A requestor waits so long for the answer to its A-ASSOCIATE-RQ.
    pdu_timeout : float
        From the first byte of a PDU to its last.  A PDU of 128 KiB needs 4 KiB/s.
    write_timeout : float
        The peer took nothing of what we have to send for so long.
    response_timeout : float
        From a DIMSE request to its response, or from one PDU of the peer to the next: it may
        send pending responses or, in a C-GET, instances before.
    idle_timeout : float
        An association on which nothing is outstanding and nothing arrives.
    release_timeout : float
        From our A-RELEASE-RQ to the peer's answer.
    abort_timeout : float
        To hand an A-ABORT or the last bytes to the network before the socket is closed.
    associate_pdu_length : int
        Longest A-ASSOCIATE-RQ or -AC that is read.
    maximum_pdu_length : int
        Longest P-DATA-TF that we announce and accept; 0 is not allowed.
    minimum_pdu_length : int
        Smallest maximum length of the peer that we work with; a smaller one is refused.
    presentation_contexts : int
        In one A-ASSOCIATE-RQ; the standard has 128 odd identifiers.
    transfer_syntaxes : int
        In one presentation context.
    associate_items : int
        Items and sub-items of any kind in one A-ASSOCIATE-RQ or -AC, because decoding costs
        time for each of them.
    command_set_length : int
        A DIMSE command set.  The longest legal ones are N-GET's attribute lists.
    data_set_length : int or None
        One received data set; `None` is no limit, since multi-frame images have none.
    spool_threshold : int
        A received data set is kept in memory up to here and in a temporary file beyond.
    queued_bytes : int
        High-water mark of the encoded data sets that wait to be sent on one connection.
    queued_messages : int
        High-water mark of the messages that wait to be sent on one connection.
    operations : int
        Granted to a requestor that asks for an asynchronous operations window, also when it
        asks for 0 (unlimited).
    half_open : int
        Connections of a listener whose TLS handshake or association is not complete yet.
    associations : int
        Connections of a listener in total.
    associations_per_address : int
        Connections of a listener from one peer address.
    backlog : int
        Of the listening socket, when `Listen` names none.
    sequence_depth : int
        Nesting of sequences in a data set that is decoded.
    data_set_elements : int
        Elements and sequence items in a data set that is decoded.
    inflated_length : int
        A data set in a deflated transfer syntax after inflating.
    """

    connect_timeout: float = 10.0
    handshake_timeout: float = 10.0
    artim_timeout: float = 30.0
    associate_timeout: float = 30.0
    pdu_timeout: float = 30.0
    write_timeout: float = 30.0
    response_timeout: float = 60.0
    idle_timeout: float = 600.0
    release_timeout: float = 10.0
    abort_timeout: float = 1.0

    associate_pdu_length: int = 1 << 20
    maximum_pdu_length: int = MAXIMUM_PDU_LENGTH
    minimum_pdu_length: int = MINIMUM_PDU_LENGTH
    presentation_contexts: int = 128
    transfer_syntaxes: int = 64
    associate_items: int = 4_096
    command_set_length: int = 65_536
    data_set_length: int | None = None
    spool_threshold: int = 1 << 20
    queued_bytes: int = 16 << 20
    queued_messages: int = 1_024
    operations: int = 64

    half_open: int = 64
    associations: int = 100
    associations_per_address: int = 16
    backlog: int = 128

    sequence_depth: int = 64
    data_set_elements: int = 200_000
    inflated_length: int = 256 << 20

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            is_time = isinstance(field.default, float)  # infinite is no deadline; NaN is nothing
            if value is None and field.default is None:
                continue
            if not isinstance(value, (int, float) if is_time else int) or not value > 0:
                kind = "a number" if is_time else "an integer"
                raise ParameterError(
                    f"Limits.{field.name} is {value!r}, but must be {kind} greater than 0."
                )
        if not self.minimum_pdu_length <= self.maximum_pdu_length <= 0xFFFFFFFF:
            raise ParameterError(
                f"Limits.maximum_pdu_length is {self.maximum_pdu_length}, but must lie "
                f"between minimum_pdu_length ({self.minimum_pdu_length}) and 4294967295."
            )
