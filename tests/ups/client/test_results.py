"""`UpsResult`: what a status means, whether it is a success, and what to do about it."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
from pydicom.dataset import Dataset

from leaddicom import StatusError
from leaddicom.ups.client.results import REMEDIES, Category, UpsResult
from leaddicom.ups.core.terms import UpsStatus

UID = "1.2.826.0.1.3680043.8.498.7"
OWN = [each for each in UpsStatus if each >> 8 in (0xB3, 0xC3)]


def result(status: int, **more: Any) -> UpsResult:
    return UpsResult.of("claim", "N-ACTION", "host:2762", UID, status, **more)


class TestMeaning:
    @pytest.mark.parametrize("status", OWN, ids=lambda status: f"{status:04X}")
    def test_and_remedy_of_each_status_of_the_service(self, status: UpsStatus) -> None:
        assert result(status).meaning not in ("", "Unable to Process", "Warning", "Failure")
        assert result(status).remedy

    def test_is_the_standards(self) -> None:
        assert result(0xC301).meaning == "The correct Transaction UID was not provided"
        assert result(0xB306).meaning.endswith("already in the requested state of COMPLETED")


class TestCategory:
    @pytest.mark.parametrize(
        ("status", "category"),
        [
            (0x0000, Category.SUCCESS),
            *((status, Category.WARNING) for status in (0x0001, 0x0107, 0x0116)),
            *((status, Category.WARNING) for status in OWN if status < 0xC000),
            *((status, Category.FAILURE) for status in OWN if status >= 0xC000),
            *((status, Category.FAILURE) for status in (0x0105, 0x0110, 0x0124, 0x0211, 0xA700)),
            # T30: neither pending, nor cancelled, nor unknown is done
            *((status, Category.FAILURE) for status in (0xFF00, 0xFF01, 0xFE00, 0x7777, 0xFFFF)),
        ],
    )
    def test_is_success_only_of_0000(self, status: int, category: Category) -> None:
        got = result(status)
        assert got.category is category
        assert got.is_success == (category is Category.SUCCESS)
        assert got.is_failure == (category is Category.FAILURE)

    def test_of_a_confirmation_is_success(self) -> None:
        got = result(0xC302, is_confirmation=True)
        assert (got.category, got.remedy) == (Category.SUCCESS, "")

    def test_reads_as_a_word(self) -> None:
        assert [str(each) for each in Category] == ["success", "warning", "failure"]


class TestCheck:
    @pytest.mark.parametrize("status", [0x0000, 0xB301])
    def test_gives_what_was_done(self, status: int) -> None:
        got = result(status)
        assert got.check() is got

    def test_raises_what_was_not_done_with_what_to_do(self) -> None:
        with pytest.raises(StatusError) as caught:
            result(0xC301, comment="Locked\n").check()
        assert str(caught.value) == (
            f"host:2762 answered claim (N-ACTION) of {UID} with C301H, The correct Transaction UID "
            f"was not provided, and said 'Locked\\n'. {REMEDIES[0xC301]}"
        )
        assert (caught.value.status, caught.value.comment) == (0xC301, "Locked\n")

    def test_of_a_status_without_a_remedy_just_says_it(self) -> None:
        assert str(result(0x7777)).endswith("7777H, a status that the standard does not define.")


class TestRemedy:
    def test_of_a_claim_that_is_locked_depends_on_who_has_claimed_it(self) -> None:
        assert result(0xC301).remedy.startswith("Somebody else performs it")
        assert "claimed here already" in result(0xC301, is_held_here=True).remedy


class TestResult:
    def test_does_not_show_the_transaction_uid(self) -> None:
        # It is the key to the workitem, and results are printed.
        got = result(0x0000, transaction_uid="1.2.3.4.5")
        assert "1.2.3.4.5" not in f"{got!r} {got}"
        assert pickle.loads(pickle.dumps(got)) == got

    def test_shows_no_patient_data(self) -> None:
        dataset = Dataset()
        dataset.PatientName, dataset.ProcedureStepState = "Example^Anna", "SCHEDULED"
        got = result(0xC301, dataset=dataset, comment="Anna is not here")
        assert repr(got) == f"UpsResult('claim', '{UID}', C301H, SCHEDULED)"
        assert repr(result(0)) == f"UpsResult('claim', '{UID}', 0000H)"

    def test_reads_the_workitem(self) -> None:
        dataset = Dataset()
        dataset.ProcedureStepLabel = "Plan review"
        assert result(0, dataset=dataset).workitem.label == "Plan review"
        assert result(0).workitem.label == ""
        assert result(0).workitem.uid == UID
