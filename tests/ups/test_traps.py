"""What has gone wrong in other worklist managers and their clients: each has a test that it
does not here.

The traps are numbered from 1.  Where several tests show a thing together, the first one shows most.
"""

from __future__ import annotations

import ast
from functools import cache

import pytest
from programs import ROOT

from leaddicom.ups.core.terms import UpsStatus

INTEROP = "tests/interop/ups/"
UPS = "tests/ups/"
PROCESSES = UPS + "processes/"
MANAGER = UPS + "manager/"
CLI = "tests/cli/"

TRAPS: dict[int, tuple[str, ...]] = {
    # several performers claim one workitem, and more than one is granted it
    1: (
        UPS + "wire/test_claims.py::test_each_workitem_is_granted_once",
        UPS + "client/test_with_manager.py::TestClaims::test_at_once_are_granted_to_one",
    ),
    # a UID in the data set counts, and becomes a path
    2: (
        UPS + "wire/test_hostile.py::test_a_uid_makes_no_path",
        INTEROP + "test_gate.py::TestInstance::test_that_is_no_uid",
        INTEROP + "test_creation.py::TestInstance::test_is_named_by_the_command_alone",
    ),
    # a second N-CREATE overwrites the workitem
    3: (INTEROP + "test_states.py::test_what_is_there_cannot_be_created_again",),
    # an N-CREATE that was not stored succeeds
    4: (
        MANAGER + "test_scp.py::TestFailure::test_of_the_store",
        MANAGER + "test_service.py::TestFault::test_in_the_middle",
        INTEROP + "test_creation.py::test_empty_values_are_stored_and_found",
    ),
    # what is missing or invalid in an N-CREATE is taken
    5: (
        INTEROP + "test_creation.py::TestRefusal::test_of_what_no_workitem_may_be",
        INTEROP + "test_creation.py::test_what_is_of_type_2_may_be_forgotten",
        INTEROP + "test_creation.py::test_what_has_to_be_empty_may_be_blanked",
    ),
    # a workitem is completed of which nothing was performed
    6: (
        INTEROP + "test_states.py::TestCompleted::test_needs_each_attribute",
        INTEROP + "test_states.py::TestCanceled::test_gets_a_date_and_a_reason",
    ),
    # a missing Transaction UID and an impossible state are processing failures
    7: (INTEROP + "test_states.py::TestTable::test_what_does_not",),
    # any operation is done on any SOP class, for anybody
    8: (
        INTEROP + "test_gate.py::test_each_operation_on_each_context",
        CLI + "ups/test_serve.py::TestStarting::test_checks_the_called_ae_title_if_asked_to",
        MANAGER + "test_server.py::TestAccess::test_by_policy",
    ),
    # an N-SET has the wrong statuses
    9: (
        INTEROP + "test_modification.py::TestWhoMay::test_modify",
        UPS + "test_traps.py::test_statuses_are_those_of_the_standard",
    ),
    # what an N-SET changes is what it looks for; demographics can be changed
    10: (
        INTEROP + "test_modification.py::TestContent::test_selects_nothing",
        INTEROP
        + "test_modification.py::TestContent::test_that_is_forbidden_has_everything_refused",
    ),
    # a failure has no response, and takes the association along
    11: (
        MANAGER + "test_scp.py::TestFailure::test_of_whatever_kind",
        INTEROP + "test_states.py::TestTable::test_what_does_not",
    ),
    # more comes back than was asked for
    12: (
        INTEROP + "test_modification.py::TestReading::test_gives_what_is_named_and_no_more",
        INTEROP + "test_find.py::TestResponse::test_has_what_was_asked_for_and_no_more",
    ),
    # an answer has the Transaction UID
    13: (
        INTEROP + "test_states.py::TestTable::test_what_succeeds",
        INTEROP + "test_modification.py::TestReading::test_never_gives_the_transaction_uid",
        INTEROP + "test_find.py::TestResponse::test_never_has_the_transaction_uid",
    ),
    # a keyword that nobody knows switches matching off
    14: (
        UPS + "core/test_attributes.py::test_every_attribute_is_in_the_dictionary",
        INTEROP + "test_find.py::TestKeys::test_select",
        INTEROP + "test_find.py::TestKeys::test_are_those_that_the_table_requires",
    ),
    # keys are ignored without a word, ranges of date times are compared as texts
    15: (
        INTEROP + "test_find.py::TestKeys::test_select",
        INTEROP + "test_find.py::TestNoKeys::test_an_attribute_that_is_no_key_is_told",
    ),
    # nothing is found on UPS Watch, and UPS Query is not there
    16: (
        INTEROP + "test_gate.py::test_find_on_each_context",
        INTEROP + "test_find.py::TestResponse::test_is_the_same_on_each_sop_class",
    ),
    # UPS Assigned is never reported
    17: (
        INTEROP + "test_events.py::TestAssigned::test_at_creation",
        INTEROP + "test_events.py::TestAssigned::test_later",
    ),
    # subscriptions have no filter, no lock, no initial events, and few events
    18: (
        INTEROP + "test_subscriptions.py::TestTable::test_of_what_is_there",
        INTEROP + "test_subscriptions.py::TestFilter::test_is_asked_at_once_and_at_each_creation",
        INTEROP + "test_events.py::TestStateReport::test_of_each_change_of_state",
        INTEROP + "test_events.py::TestCancelRequested::test_tells_who_asks_and_why",
        INTEROP + "test_events.py::TestProgress::test_is_reported",
        INTEROP
        + "test_events.py::test_whoever_is_subscribed_hears_of_the_end_and_of_the_start_once",
        MANAGER + "test_housekeeping.py::TestPurge::test_deletes_nothing_that_is_locked",
    ),
    # any subscription succeeds
    19: (INTEROP + "test_subscriptions.py::test_refusal",),
    # Request Cancel, suspending, and subscriptions to one workitem are not there
    20: (
        INTEROP + "test_states.py::TestRequestCancel::test_of_what_nobody_has_claimed",
        INTEROP + "test_subscriptions.py::TestTable::test_of_what_is_there",
    ),
    # subscriptions do not survive a restart, or half of a change does
    21: (
        MANAGER + "test_server.py::TestStart::test_again_has_everything_as_it_was",
        MANAGER + "test_service.py::TestFault::test_in_the_middle",
        UPS + "wire/test_killed_workers.py::test_nothing_that_was_acknowledged_is_lost",
        UPS + "store/test_opening.py::TestUse::test_connections_are_bounded",
    ),
    # a silent subscriber delays the response
    22: (
        UPS + "wire/test_dead_subscribers.py::test_keep_nobody_waiting",
        MANAGER + "test_server.py::TestEvents::test_that_nobody_takes_hold_up_no_answer",
    ),
    # events are sent on another context
    23: (
        MANAGER + "test_delivery.py::TestReport"
        "::test_names_the_context_of_event_where_all_five_are_supported",
        INTEROP + "test_events.py::TestStateReport::test_of_each_change_of_state",
    ),
    # a port in use is only logged; who empties the store needs a terminal
    24: (
        PROCESSES + "test_supervisor.py::TestNothingIsLeftRunning::test_on_a_port_in_use",
        CLI + "ups/test_serve.py::TestAsAProgramOfItsOwn::test_fails_in_its_own_name",
        CLI + "ups/test_serve.py::TestClean::test_empties_the_database",
        CLI + "ups/test_serve.py::TestClean::test_does_not_ask_where_nobody_could_answer",
    ),
    # patients are in the log
    25: (
        UPS + "wire/test_several_managers.py::test_no_patient_is_in_their_logs",
        MANAGER + "test_service.py::test_no_log_line_has_patient_data_or_is_forged",
        UPS + "client/test_receiver.py::TestCallback::test_logs_no_event_information",
        "tests/test_project.py::TestRuff::test_refuses",
    ),
    # files of settings are not checked, and paths depend on the current directory
    26: (
        UPS + "settings/test_entities.py::TestFlaws::test_a_title_twice",
        PROCESSES + "test_supervisor.py::TestOneProcess::test_reads_its_files_anew",
        UPS + "settings/test_configuration.py"
        "::TestPaths::test_also_when_the_file_is_named_by_a_relative_path",
        UPS + "settings/test_configuration.py"
        "::TestPaths::test_elsewhere_are_relative_to_the_current_directory",
        UPS + "settings/test_configuration.py::TestRefuses::test_an_unknown_key_of_the_file",
    ),
    # a handler fails and goes on, or answers twice
    27: (
        MANAGER + "test_service.py::TestFault::test_in_the_middle",
        MANAGER + "test_service.py::TestFault::test_while_reading",
        MANAGER + "test_scp.py::TestFailure::test_of_an_answer_that_cannot_be_encoded",
    ),
    # clients name the wrong class, and send what does not belong into a list
    28: (
        UPS + "client/test_performing.py::TestClaim::test_is_an_action_on_push_over_pull",
        UPS + "client/test_performing.py::TestModify::test_is_sent_on_push_over_pull",
        UPS + "client/test_client.py::TestCreate::test_has_all_of_types_1_and_2_and_no_uids",
        UPS + "client/test_attribute_lists.py"
        "::TestModificationList::test_has_no_command_or_file_meta_elements",
        UPS + "client/test_attribute_lists.py"
        "::TestValueRepresentations::test_are_the_dictionarys",
    ),
    # the end of a procedure takes away its start
    29: (
        UPS + "client/test_performing.py"
        "::TestProcedures::test_end_keeps_the_start_and_those_before",
    ),
    # no answer is a success, a warning a failure, and the exit code always 0
    30: (
        UPS + "client/test_results.py::TestCategory::test_is_success_only_of_0000",
        UPS + "client/test_performing.py::TestModify::test_pending_is_no_answer_and_no_success",
        UPS + "client/test_watching.py"
        "::TestAnswers::test_a_lock_that_was_not_granted_is_a_warning",
        CLI + "ups/test_create.py::TestCreate::test_goes_on_after_failures_and_ends_with_1",
        CLI + "ups/test_changing.py::TestRequestCancel::test_that_comes_twice_is_a_warning",
    ),
    # conditions that are always true; an end without a start is ignored; codes are built in
    31: (
        "tests/test_project.py::TestRuff::test_sees_every_module",
        UPS + "client/test_queries.py::test_each_key_matches",
        CLI + "ups/test_finding.py::TestList::test_gives_only_what_is_looked_for",
        CLI + "ups/test_performing.py::TestProcedure::test_starts_and_ends",
    ),
    # a crash of the performer leaves its workitems locked
    32: (
        UPS + "client/test_with_manager.py"
        "::TestCrash::test_of_a_performer_leaves_no_workitem_locked",
        UPS + "client/test_transaction_uids.py"
        "::TestClaims::test_are_there_for_the_next_program",
    ),
    # TLS options are read and ignored
    33: (
        CLI + "ups/test_client.py::TestLink::test_trusts_nobody_but_the_ca_that_is_given",
        CLI + "ups/test_client.py::TestLink::test_can_go_without_tls",
        CLI + "ups/test_client.py::TestLink::test_may_use_an_encrypted_key",
        CLI + "ups/test_serve.py::TestOptions::test_switch_on_and_off",
        CLI + "ups/test_serve.py::TestStarting::test_serves_plain_dicom_with_a_warning",
        UPS + "client/test_receiver.py::TestManagers::test_of_ours_over_mutual_tls",
    ),
    # public CAs are trusted besides that of the site
    34: (
        CLI + "ups/test_client.py::TestLink::test_trusts_nobody_but_the_ca_that_is_given",
        CLI + "ups/test_client.py::TestLink::test_needs_a_certificate_that_the_manager_trusts",
        UPS + "wire/test_several_managers.py::TestBalancer::test_shows_no_certificate_no_service",
    ),
    # certificates have no address, have expired, and are in the repository
    35: (
        "tests/pki/test_development.py"
        "::TestNewTree::test_has_leaves_for_client_and_server_on_this_computer",
        PROCESSES + "test_supervisor.py::TestServing::test_warns_of_certificates_that_expire_soon",
        "tests/test_project.py::test_no_certificate_is_in_git",
    ),
    # key and certificate are not compared; no encrypted key, no revocation, no choice of ciphers
    36: (
        PROCESSES + "test_supervisor.py"
        "::TestNothingIsLeftRunning::test_with_a_key_of_another_certificate",
        PROCESSES + "test_supervisor.py::TestServing::test_needs_the_password_of_the_key",
        UPS + "settings/test_configuration.py::TestMeaning::test_tls_settings",
    ),
    # a bad certificate file of one subscriber ends the server
    37: (
        MANAGER + "test_dispatcher.py::TestFailedReceiver::test_with_a_bad_file_harms_only_itself",
        MANAGER + "test_delivery.py::TestSecurity::test_fails_with_a_bad_file_of_the_receiver",
    ),
    # with TLS off nothing works; keys are in the repository
    38: (
        MANAGER + "test_scp.py::test_a_workitem_from_the_beginning_to_the_end",
        CLI + "ups/test_serve.py::TestStarting::test_serves_plain_dicom_with_a_warning",
        CLI + "ups/test_create.py::TestCreate::test_works_as_a_program",
        "tests/test_project.py::test_no_private_key_is_in_git",
    ),
    # one silent TCP connection keeps everybody out
    39: (
        UPS + "wire/test_hostile.py::TestSilentTls::test_stops_nobody",
        "tests/hostile/test_slow_peers.py"
        "::TestSilentTlsClients::test_five_hundred_are_no_hindrance",
    ),
}  # fmt: skip


@cache
def names_in(path: str) -> frozenset[str]:
    """The tests of a module, without their parameters."""
    found = set()
    for node in ast.parse((ROOT / path).read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ClassDef):
            found |= {f"{node.name}::{each.name}" for each in _functions(node.body)}
        found |= {each.name for each in _functions([node])}
    return frozenset(found)


def _functions(body: list[ast.stmt]) -> list[ast.FunctionDef]:
    return [each for each in body if isinstance(each, ast.FunctionDef)]


def test_no_number_is_left_out() -> None:
    assert sorted(TRAPS) == list(range(1, 40))


@pytest.mark.parametrize("number", TRAPS)
def test_trap(number: int) -> None:
    """The tests that show that it is none here are there."""
    assert TRAPS[number]
    for test in TRAPS[number]:
        path, _, name = test.partition("::")
        assert (ROOT / path).is_file(), path
        assert name.split("::")[-1].startswith("test_")
        assert name in names_in(path), test


#: Of N-CREATE, N-SET, N-GET and N-ACTION (PS3.4 sections CC.2.1 to CC.2.7).
OF_THE_SERVICE = {
    "CREATED_WITH_MODIFICATIONS": 0xB300,
    "DELETION_LOCK_NOT_GRANTED": 0xB301,
    "ALREADY_CANCELED": 0xB304,
    "VALUES_COERCED": 0xB305,
    "ALREADY_COMPLETED": 0xB306,
    "NO_LONGER_UPDATABLE": 0xC300,
    "TRANSACTION_UID_WRONG": 0xC301,
    "ALREADY_IN_PROGRESS": 0xC302,
    "SCHEDULED_ONLY_BY_CREATE": 0xC303,
    "FINAL_STATE_NOT_MET": 0xC304,
    "NO_SUCH_WORKITEM": 0xC307,
    "RECEIVING_AE_UNKNOWN": 0xC308,
    "NOT_SCHEDULED_AT_CREATION": 0xC309,
    "NOT_YET_IN_PROGRESS": 0xC310,
    "CANCEL_OF_COMPLETED": 0xC311,
    "PERFORMER_UNREACHABLE": 0xC312,
    "PERFORMER_DECLINES": 0xC313,
    "ACTION_NOT_FOR_INSTANCE": 0xC314,
    "NO_EVENT_REPORTS": 0xC315,
}


def test_statuses_are_those_of_the_standard() -> None:
    own = {each.name: each.value for each in UpsStatus if each.value & 0xF000 in (0xB000, 0xC000)}
    assert own == OF_THE_SERVICE


def test_statuses_are_written_nowhere_else() -> None:
    """C310 was once sent as 3C10: numbers have one place."""
    package = ROOT / "leaddicom" / "ups"
    named = package / "core" / "terms.py"
    values = {int(each) for each in UpsStatus if each.value & 0xF000 in (0xB000, 0xC000)}
    written = {
        (path.name, node.value)
        for path in package.rglob("*.py")
        if path != named
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, int) and node.value in values
    }
    assert written == set()
