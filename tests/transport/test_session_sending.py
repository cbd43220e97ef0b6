"""Sessions: what leaves, in which order, and what cannot."""

from __future__ import annotations

from pathlib import Path

import pytest
from upper_layer.cores import (
    ABORT,
    CT_STORAGE,
    RELEASE_REQUEST,
    RELEASE_RESPONSE,
)

from leaddicom.dimse import messages as dimse
from leaddicom.dimse.fragmentation import FileSource
from leaddicom.enums import PduType, Status
from leaddicom.errors import (
    DataSetError,
    NetworkError,
)
from leaddicom.limits import Limits

from .sessions import (
    ACCEPTOR,
    P_DATA,
    RELEASE_RP,
    REQUESTOR,
    USER_ABORT,
    Run,
    echo_request,
    echo_response,
    find_response,
    ids,
    messages_in,
    outgoing,
    pdus_in,
    store_request,
    store_response,
)


class TestSending:
    def test_what_waits_leaves_together(self) -> None:
        run = Run(ACCEPTOR).establish()
        run.put(*(echo_response(n) for n in range(20)))
        (batch,) = run.batches()
        assert ids(batch) == [*range(20)]
        assert run.session.is_idle

    def test_a_primitive_leaves_with_the_messages_before_it(self) -> None:
        run = Run(ACCEPTOR).establish()
        run.hear(RELEASE_REQUEST)
        run.put(echo_response(1), echo_response(2))
        run.primitive(lambda upper_layer: upper_layer.release_response())
        (batch,) = run.batches()
        assert pdus_in(batch) == [P_DATA, P_DATA, RELEASE_RP]

    def test_nothing_leaves_after_the_last_primitive(self) -> None:
        run = Run(ACCEPTOR).establish()
        run.hear(RELEASE_REQUEST)
        run.primitive(lambda upper_layer: upper_layer.release_response())
        run.put(echo_response(1))
        assert run.flush() == RELEASE_RESPONSE
        assert run.session.is_idle
        assert run.session.error is None

    @pytest.mark.parametrize("maximum_length", [1018, 4096, 16384, 1 << 20])
    def test_a_long_message_leaves_in_pdus_that_the_peer_takes(self, maximum_length: int) -> None:
        run = Run(REQUESTOR, Limits(maximum_pdu_length=40_000)).establish(
            maximum_length=maximum_length
        )
        data = bytes(range(256)) * 1000
        run.put(store_request(1, data))
        batches = run.batches()
        assert max(map(len, batches)) <= 40_006
        position, stream = 0, b"".join(batches)
        while position < len(stream):
            length = int.from_bytes(stream[position + 2 : position + 6], "big")
            assert length <= min(maximum_length, 40_000)
            position += 6 + length
        (message,) = messages_in(stream)
        assert message.dataset is not None
        assert message.dataset.data == data

    def test_the_bytes_stay_the_same_until_they_have_left(self) -> None:
        run = Run(ACCEPTOR).establish()
        run.put(echo_response(1))
        first = run.session.next_bytes()
        before = bytes(first)
        run.put(echo_response(2))
        assert run.session.next_bytes() is first
        assert bytes(first) == before
        run.session.sent()
        assert ids(run.flush()) == [2]

    def test_a_message_without_room_begins_the_next_buffer(self) -> None:
        run = Run(ACCEPTOR, Limits(maximum_pdu_length=1018)).establish()
        run.put(*(echo_response(n) for n in range(30)))
        batches = run.batches()
        assert len(batches) > 1
        assert [n for batch in batches for n in ids(batch)] == [*range(30)]

    def test_what_left_is_told_by_pdu(self) -> None:
        run = Run(ACCEPTOR, trace=True).establish()
        run.put(echo_response(1), store_response(2))
        run.hear(RELEASE_REQUEST)
        run.primitive(lambda upper_layer: upper_layer.release_response())
        data = run.flush()
        assert [pdu_type for pdu_type, _ in run.owner.sent] == [P_DATA, P_DATA, RELEASE_RP]
        assert sum(length for _, length in run.owner.sent) == len(data)

    def test_what_left_is_not_told_unless_wanted(self) -> None:
        run = Run(ACCEPTOR).establish()
        run.put(echo_response(1))
        run.flush()
        assert run.owner.sent == []


class TestOperationsWindow:
    def test_requests_wait_for_the_answer_before(self) -> None:
        run = Run(REQUESTOR).establish()
        run.put(echo_request(1), echo_request(2), echo_request(3))
        for expected in (1, 2, 3):
            assert ids(run.flush()) == [expected]
            assert run.flush() == b""
            run.hear_message(echo_response(expected))
        assert run.session.is_idle

    @pytest.mark.parametrize(("window", "first"), [((2, 1), [1, 2]), ((0, 0), [1, 2, 3, 4])])
    def test_as_many_leave_as_it_allows(self, window: tuple[int, int], first: list[int]) -> None:
        run = Run(REQUESTOR).establish(window=window)
        run.put(*map(echo_request, (1, 2, 3, 4)))
        (batch,) = run.batches()
        assert ids(batch) == first
        run.hear_message(echo_response(2))
        assert ids(run.flush()) == ([3] if len(first) == 2 else [])

    def test_pending_responses_do_not_open_it(self) -> None:
        run = Run(REQUESTOR).establish()
        run.put(outgoing(dimse.C_FIND_RQ, 1, CT_STORAGE, 0, data=b"keys"), echo_request(2))
        assert ids(run.flush()) == [1]
        run.hear_message(find_response(1, Status.PENDING, b"match"))
        assert run.flush() == b""
        run.hear_message(find_response(1, Status.SUCCESS))
        assert ids(run.flush()) == [2]

    def test_responses_and_cancels_overtake_requests(self) -> None:
        """But no C-CANCEL overtakes the request that it is about."""
        run = Run(REQUESTOR).establish()
        own, other = (outgoing(dimse.C_CANCEL_RQ, message_id) for message_id in (1, 7))
        run.put(echo_request(1), echo_request(2), echo_response(7), own, other)
        found = [
            (message.type.name, message.message_id)
            for message in messages_in(run.flush())
            if message.type
        ]
        assert found == [
            ("C-ECHO-RSP", 7),
            ("C-CANCEL-RQ", 7),
            ("C-ECHO-RQ", 1),
            ("C-CANCEL-RQ", 1),
        ]

    def test_a_release_waits_for_requests_and_not_for_their_answers(self) -> None:
        run = Run(REQUESTOR).establish()
        run.put(echo_request(1), echo_request(2))
        run.primitive(lambda upper_layer: upper_layer.release(), waits=True)
        assert pdus_in(run.flush()) == [P_DATA]
        run.hear_message(echo_response(1))
        assert pdus_in(run.flush()) == [P_DATA, PduType.RELEASE_REQUEST]
        run.hear_message(echo_response(2))
        assert [message.message_id for message in run.owner.messages] == [1, 2]

    def test_an_answer_before_the_end_of_the_request_counts(self) -> None:
        run = Run(REQUESTOR, Limits(maximum_pdu_length=1018)).establish()
        run.put(store_request(1, bytes(5000)), echo_request(2))
        run.session.next_bytes()
        run.session.sent()
        run.hear_message(store_response(1, 0xA700))
        stream = run.flush()
        assert pdus_in(stream)[-1] is P_DATA
        assert len(stream) > 5000 - 1018  # the request was sent to its end, and the next one too
        assert run.session.is_idle
        run.hear_message(echo_response(2))
        assert run.pass_time(run.limits.response_timeout) is None

    def test_a_pending_answer_before_the_end_of_the_request_does_not_count(self) -> None:
        run = Run(REQUESTOR, Limits(maximum_pdu_length=1018)).establish()
        run.put(store_request(1, bytes(5000)), echo_request(2))
        run.session.next_bytes()
        run.session.sent()
        run.hear_message(store_response(1, Status.PENDING))
        run.flush()
        assert not run.session.is_idle  # the second request waits for the answer to the first


class TestWhatCannotBeSent:
    def test_an_unreadable_file_aborts(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        run = Run(REQUESTOR).establish(window=(0, 0))
        arguments = (2, CT_STORAGE, "1.2.3", 0, None, None)
        missing = FileSource(tmp_path / "gone", size=100)
        run.put(
            echo_request(1),
            outgoing(dimse.C_STORE_RQ, *arguments, source=missing, context_id=3),
            echo_request(3),
        )
        first, second = run.batches()
        assert ids(first) == [1]
        assert second == USER_ABORT
        assert isinstance(run.session.error, DataSetError)
        assert "gone' cannot be read" in str(run.session.error)
        assert "A message to the peer cannot be sent" in caplog.text
        assert run.session.is_idle

    def test_an_unreadable_file_aborts_at_once_if_it_is_alone(self, tmp_path: Path) -> None:
        run = Run(REQUESTOR).establish()
        arguments = (2, CT_STORAGE, "1.2.3", 0, None, None)
        missing = FileSource(tmp_path / "gone", size=100)
        run.put(outgoing(dimse.C_STORE_RQ, *arguments, source=missing, context_id=3))
        assert bytes(run.session.next_bytes()) == USER_ABORT

    def test_a_file_that_ends_early_is_closed(self, tmp_path: Path) -> None:
        path = tmp_path / "short"
        path.write_bytes(bytes(5000))
        run = Run(REQUESTOR, Limits(maximum_pdu_length=1018)).establish()
        source = FileSource(path, size=6000)
        arguments = (2, CT_STORAGE, "1.2.3", 0, None, None)
        run.put(outgoing(dimse.C_STORE_RQ, *arguments, source=source, context_id=3))
        stream = run.flush()
        assert stream.endswith(USER_ABORT)
        assert "ends before its data set does" in str(run.session.error)
        assert source._file is not None
        assert source._file.closed

    def test_a_message_that_crosses_a_release_is_dropped(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        # Sta7 has no P-DATA request: PS3.8 Table 9-10.
        run = Run(REQUESTOR).establish()
        run.primitive(lambda upper_layer: upper_layer.release())
        assert run.flush() == RELEASE_REQUEST
        run.put(echo_response(5), echo_response(6))
        assert run.flush() == b""
        assert "Not sent to the peer: P_DATA_REQUEST is not possible in state STA7" in caplog.text
        assert run.session.is_idle
        run.hear(RELEASE_RESPONSE)
        assert run.session.is_released
        assert run.session.error is None

    @pytest.mark.parametrize("ending", [ABORT, b"\x09\0\0\0\0\0"], ids=["abort", "fault"])
    def test_the_rest_of_a_message_is_dropped_at_the_end(
        self, ending: bytes, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        path = tmp_path / "long"
        path.write_bytes(bytes(50_000))
        source = FileSource(path)
        run = Run(REQUESTOR, Limits(maximum_pdu_length=1018)).establish()
        arguments = (2, CT_STORAGE, "1.2.3", 0, None, None)
        run.put(
            outgoing(dimse.C_STORE_RQ, *arguments, source=source, context_id=3), echo_request(3)
        )
        for _ in range(3):
            run.session.next_bytes()
            run.session.sent()
        run.hear(ending)
        left = run.flush()
        assert left == (b"" if ending == ABORT else bytes.fromhex("07 00 00000004 00000201"))
        assert source._file is not None
        assert source._file.closed
        assert run.session.is_idle
        assert "cannot be sent" not in caplog.text

    def test_closing_lets_go_of_everything(self, tmp_path: Path) -> None:
        path = tmp_path / "long"
        path.write_bytes(bytes(50_000))
        source = FileSource(path)
        spool = tmp_path / "spool"
        spool.mkdir()
        limits = Limits(maximum_pdu_length=1018, spool_threshold=100)
        run = Run(REQUESTOR, limits, directory=str(spool)).establish()
        arguments = (2, CT_STORAGE, "1.2.3", 0, None, None)
        run.put(outgoing(dimse.C_STORE_RQ, *arguments, source=source, context_id=3))
        for _ in range(3):
            run.session.next_bytes()
            run.session.sent()
        incoming = run.message_bytes(store_request(1, bytes(2000)), 1018)
        run.hear(incoming[:-100])
        assert list(spool.iterdir())
        run.session.close()
        assert source._file is not None
        assert source._file.closed
        assert not list(spool.iterdir())
        with pytest.raises(NetworkError, match="the connection is closed"):
            run.put(echo_request(1))
        run.session.close()
