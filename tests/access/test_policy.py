"""The decision of a policy: the table, cell by cell, and what holds whatever the policy is."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from access.identities import identity, name
from leaddicom import (
    AccessDecision,
    AccessPolicy,
    AccessRequest,
    AccessRule,
    ParameterError,
    PeerIdentity,
    RejectReason,
    RejectResult,
    RejectSource,
)

NO_REASON, CALLING, CALLED = (1, 1, 1), (1, 1, 3), (1, 1, 7)

CT = identity(name(O="Hospital", CN="ct"), dns=["ct.example"])
MR = identity(name(O="Hospital", CN="mr"), dns=["mr.example"])

CT_RULE = AccessRule(
    name="ct",
    dns_name="ct.example",
    addresses=["10.1.0.0/16"],
    calling=["CT1", "CT2"],
    called=["ARCHIVE"],
)
MR_RULE = AccessRule(
    name="mr", dns_name="mr.example", addresses=["10.2.0.0/16"], calling=["MR"], called=["OTHER"]
)
OLD_RULE = AccessRule(
    name="old", without_certificate=True, addresses=["10.3.0.7"], calling=["OLD"], called=["PLAIN"]
)
POLICY = AccessPolicy([CT_RULE, MR_RULE, OLD_RULE])


def request(
    who: PeerIdentity | None = CT,
    address: str = "10.1.0.1",
    calling: str = "CT1",
    called: str = "ARCHIVE",
) -> AccessRequest:
    return AccessRequest(address=address, identity=who, calling=calling, called=called)


# ------------------------------------------------------------------------- the table

PEERS = {
    "ct": CT,
    "mr": MR,
    "stranger": identity(dns=["stranger.example"]),
    "ct unverified": replace(CT, verified=False),
    "none": None,
}
ADDRESSES = {"ct": "10.1.0.1", "mr": "10.2.0.1", "old": "10.3.0.7", "elsewhere": "192.0.2.1"}
TITLES = {"ct": "CT2", "mr": "MR", "old": "OLD", "unknown": "NOBODY"}
CALLED_TITLES = {"ct": "ARCHIVE", "mr": "OTHER", "old": "PLAIN", "unknown": "NOWHERE"}

# Whose rule a peer is under.
OWNER = {"ct": "ct", "mr": "mr", "none": "old"}


def expected(peer: str, address: str, calling: str, called: str) -> tuple[int, int, int] | None:
    owner = OWNER.get(peer)
    if owner is None or address != owner:
        return NO_REASON
    if calling != owner:
        return CALLING
    return None if called == owner else CALLED


class TestTable:
    @pytest.mark.parametrize("cell", [*itertools.product(PEERS, ADDRESSES, TITLES, CALLED_TITLES)])
    def test_cell(self, cell: tuple[str, str, str, str]) -> None:
        peer, address, calling, called = cell
        asked = request(PEERS[peer], ADDRESSES[address], TITLES[calling], CALLED_TITLES[called])
        decision = POLICY.decide(asked)
        assert decision.refusal == expected(*cell)
        assert bool(decision) is (expected(*cell) is None)
        if decision:
            assert decision.rule == OWNER[peer]

    def test_the_answer_is_that_of_the_standard(self) -> None:
        refusal = POLICY.decide(request(calling="MR")).refusal
        assert refusal == (
            RejectResult.PERMANENT,
            RejectSource.SERVICE_USER,
            RejectReason.CALLING_AE_TITLE_NOT_RECOGNIZED,
        )

    def test_a_policy_without_rules_refuses_all(self) -> None:
        decision = AccessPolicy().decide(request())
        assert (decision.refusal, decision.rule) == (NO_REASON, None)
        assert "refused; the policy has no rules" in decision.message


class TestAnyRule:
    def test_may_allow_it(self) -> None:
        """Two rules for a certificate: each with its address and its title."""
        second = replace(CT_RULE, name="ct at home", addresses=["10.9.0.1"], calling=["HOME"])
        both = AccessPolicy([CT_RULE, second])
        assert both.decide(request(calling="CT1"))
        assert both.decide(request(address="10.9.0.1", calling="HOME"))

    def test_but_it_has_to_be_one_rule(self) -> None:
        """What two rules allow between them, none of them allows."""
        second = replace(CT_RULE, name="ct at home", addresses=["10.9.0.1"], calling=["HOME"])
        both = AccessPolicy([CT_RULE, second])
        assert both.decide(request(calling="HOME")).refusal == CALLING
        assert both.decide(request(address="10.9.0.1", calling="CT1")).refusal == CALLING

    def test_a_title_may_be_that_of_two_certificates(self) -> None:
        """While a device is replaced."""
        new = replace(CT_RULE, name="ct new", dns_name="mr.example")
        policy = AccessPolicy([CT_RULE, new])
        assert [policy.decide(request(who)).rule for who in (CT, MR)] == ["ct", "ct new"]


class TestCalledTitlesOfThePolicy:
    def test_hold_for_rules_without_their_own(self) -> None:
        policy = AccessPolicy([replace(CT_RULE, called=None)], called=["A", "B "])
        assert [bool(policy.decide(request(called=each))) for each in ("A", "B", "C")] == [
            True,
            True,
            False,
        ]
        assert policy.decide(request(called="C")).refusal == CALLED

    def test_are_narrowed_by_a_rule(self) -> None:
        policy = AccessPolicy([CT_RULE], called=["A", "ARCHIVE"])
        assert policy.decide(request())
        assert policy.decide(request(called="A")).refusal == CALLED

    def test_may_be_any_if_none_are_stated(self) -> None:
        assert AccessPolicy([replace(CT_RULE, called=None)]).decide(request(called="WHATEVER"))

    def test_a_rule_cannot_go_beyond_them(self) -> None:
        with pytest.raises(ParameterError, match="rule 'ct': called has 'ARCHIVE', which the poli"):
            AccessPolicy([CT_RULE], called=["A"])

    @pytest.mark.parametrize(
        ("called", "words"), [([], "is empty"), ("A", "is 'A', which is no list"), (["\\"], "AE t")]
    )
    def test_have_to_be_ae_titles(self, called: Any, words: str) -> None:
        with pytest.raises(ParameterError, match=f"The access policy: called .*{words}"):
            AccessPolicy([], called=called)


def test_two_rules_of_one_name_are_refused() -> None:
    with pytest.raises(ParameterError, match="rule 'ct': name is that of another rule, too"):
        AccessPolicy([CT_RULE, replace(MR_RULE, name="ct")])


# ------------------------------------------------------------------------ the log line


class TestMessage:
    def test_tells_who_asked_for_what(self) -> None:
        text = POLICY.decide(request(calling="MR")).message
        assert text.startswith(
            "association from '10.1.0.1' with the certificate CN=ct,O=Hospital, SHA-256 "
            f"{CT.fingerprint}, calling AE title 'MR', called AE title 'ARCHIVE': refused; "
        )

    @pytest.mark.parametrize(
        ("asked", "cause"),
        [
            ({"calling": "MR"}, "rule 'ct': the calling AE title is not 'CT1' or 'CT2'"),
            ({"called": "X"}, "rule 'ct': the called AE title is not 'ARCHIVE'"),
            ({"address": "10.9.0.1"}, "rule 'ct': the address is not in '10.1.0.0/16'"),
            (
                {"address": "10.9.0.1", "called": "X"},
                "rule 'ct': the address is not in '10.1.0.0/16', and the called AE title is not",
            ),
            # A stranger in somebody's place: the rule that he is after.
            (
                {"who": PEERS["stranger"]},
                "rule 'ct': the dns_name of the certificate is not 'ct.example'",
            ),
            ({"who": None}, "rule 'ct': it wants a certificate, and none was shown"),
            (
                {"who": CT, "address": "10.3.0.7", "calling": "OLD", "called": "PLAIN"},
                "rule 'old': it is for peers without certificate",
            ),
            (
                {"who": PEERS["ct unverified"]},
                "rule 'ct': the certificate was not verified, so that only its fingerprint counts",
            ),
            (
                {"who": MR, "address": "10.3.0.7", "calling": "MR", "called": "PLAIN"},
                "rule 'mr': the address is not in '10.2.0.0/16', and the called",
            ),
            (
                {"who": None, "address": "10.3.0.8", "calling": "OLD"},
                "rule 'old': the address is not in '10.3.0.7/32', and the called",
            ),
            (
                {"who": PEERS["stranger"], "address": "10.3.0.7", "calling": "OLD",
                 "called": "PLAIN"},
                "rule 'old': it is for peers without certificate",
            ),
        ],
    )  # fmt: skip
    def test_tells_which_rule_was_closest_and_why(self, asked: Any, cause: str) -> None:
        decision = POLICY.decide(request(**asked))
        assert not decision
        assert f"refused; closest is the {cause}" in decision.message
        assert decision.rule is not None
        assert f"rule {decision.rule!r}" in cause

    def test_tells_of_another_certificate_of_the_same_name(self) -> None:
        pinned = AccessRule(name="ct", fingerprint=CT.fingerprint, calling=["CT1"])
        other = identity(name(O="Hospital", CN="ct"), dns=["ct.example"])
        decision = AccessPolicy([pinned]).decide(request(other))
        assert decision.message.endswith("rule 'ct': the certificate has another fingerprint")

    def test_tells_which_rule_has_allowed(self) -> None:
        assert POLICY.decide(request()).message.endswith("'ARCHIVE': allowed by the rule 'ct'")

    def test_says_so_if_there_was_no_certificate(self) -> None:
        assert (
            "from '10.1.0.1' with no certificate, calling" in POLICY.decide(request(None)).message
        )

    def test_names_some_of_many(self) -> None:
        many = replace(CT_RULE, calling=[f"CT{number}" for number in range(100)])
        text = AccessPolicy([many]).decide(request(calling="MR")).message
        assert text.endswith("'CT7' or one of 92 more")

    @pytest.mark.filterwarnings("ignore:Attribute's length must be:UserWarning")
    @pytest.mark.parametrize(
        "subject",
        [
            {"CN": "Dr\n2026-01-01 INFO forged"},
            {"CN": "a\x1b[2J\x07\x00\x7f\x85\u2028\u202e"},
            {"CN": "x" * 5000},
            {},
        ],
        ids=["newline", "control characters", "long", "empty"],
    )
    def test_is_one_printable_line(self, subject: dict[str, str]) -> None:
        who = identity(name(**subject), dns=["a.example"])
        decision = POLICY.decide(request(who, "10.1.0.1\n", "\n"))
        assert decision.message.isprintable()
        assert len(decision.message) < 800

    def test_is_printable_whoever_has_made_the_identity(self) -> None:
        made = replace(CT, subject="CN=a\nb")
        assert r"the certificate CN=a\nb, SHA" in POLICY.decide(request(made)).message

    def test_a_subject_cannot_pass_for_the_rest_of_the_line(self) -> None:
        forging = name(CN="ct, SHA-256 00, calling AE title 'CT1'")
        text = POLICY.decide(request(identity(forging))).message
        assert r"the certificate CN=ct\, SHA-256 00\, calling AE title 'CT1', SHA-256 " in text

    def test_is_not_what_the_decision_answers(self) -> None:
        """Whatever it is that does not fit, strangers are told the same."""
        answers = {
            POLICY.decide(request(PEERS["stranger"], *rest)).refusal
            for rest in itertools.product(
                ADDRESSES.values(), TITLES.values(), CALLED_TITLES.values()
            )
        }
        assert answers == {NO_REASON}


# ------------------------------------------------------------------- whatever the policy is

NAMES = ["a.example", "b.example", "*.example"]
NETWORKS = ["10.1.0.0/16", "10.1.2.3", "0.0.0.0/0", "::/0", "2001:db8::1"]
SOME_TITLES = ["A", "B", "C"]
IDENTITIES = [
    None,
    *(
        identity(name(CN=common), issuer=name(CN=ca), dns=dns, uris=["urn:x:1"], verified=verified)
        for common, ca, dns, verified in [
            ("a", "CA", ["a.example"], True),
            ("b", "CA", ["a.example", "b.example"], True),
            ("a", "CB", ["*.example"], True),
            ("b", "CB", [], True),
            ("a", "CA", ["a.example"], False),
        ]
    ),
]

titles = st.lists(st.sampled_from(SOME_TITLES), min_size=1, unique=True)
networks = st.lists(st.sampled_from(NETWORKS), min_size=1, unique=True)
by_certificate = st.fixed_dictionaries(
    {"calling": titles},
    optional={
        "called": titles,
        "addresses": networks,
        "dns_name": st.sampled_from(NAMES),
        "uri": st.sampled_from(["urn:x:1", "urn:x:2"]),
        "subject": st.sampled_from(["CN=a", "CN=b"]),
        "issuer": st.sampled_from(["CN=CA", "CN=CB"]),
        "fingerprint": st.sampled_from([each.fingerprint for each in IDENTITIES if each]),
    },
).filter(lambda kept: kept.keys() & {"dns_name", "uri", "subject", "issuer", "fingerprint"})
without = st.fixed_dictionaries(
    {"calling": titles, "addresses": networks, "without_certificate": st.just(True)},
    optional={"called": titles},
)
policies = st.lists(by_certificate | without, max_size=5).map(
    lambda rules: AccessPolicy([AccessRule(name=f"r{i}", **rule) for i, rule in enumerate(rules)])
)
requests = st.builds(
    AccessRequest,
    address=st.sampled_from(["10.1.2.3", "10.1.9.9", "10.9.9.9", "2001:db8::1", "::1", ""]),
    identity=st.sampled_from(IDENTITIES),
    calling=st.sampled_from(SOME_TITLES),
    called=st.sampled_from(SOME_TITLES),
)


def allows(rule: AccessRule, asked: AccessRequest) -> bool:
    """The same as the package, said in another way: sets of what each condition lets through."""
    who = asked.identity
    everybody = {
        "10.1.0.0/16": {"10.1.2.3", "10.1.9.9"},
        "10.1.2.3/32": {"10.1.2.3"},
        "0.0.0.0/0": {"10.1.2.3", "10.1.9.9", "10.9.9.9"},
        "::/0": {"2001:db8::1", "::1"},
        "2001:db8::1/128": {"2001:db8::1"},
    }
    everywhere = set[str]().union(*(everybody[each] for each in rule.addresses or ()))
    if rule.addresses is not None and asked.address not in everywhere:
        return False
    if asked.calling not in rule.calling or asked.called not in (rule.called or SOME_TITLES):
        return False
    if who is None or rule.without_certificate:
        return who is None and rule.without_certificate
    names = {
        rule.dns_name: who.dns_names,
        rule.uri: who.uris,
        rule.subject: [who.subject],
        rule.issuer: [who.issuer],
    }
    names.pop(None, None)
    if names and not who.verified:
        return False
    named = all(wanted in there for wanted, there in names.items())
    return named and rule.fingerprint in (None, who.fingerprint)


class TestAlways:
    @given(policies, requests)
    def test_it_allows_what_a_rule_allows_and_nothing_else(
        self, policy: AccessPolicy, asked: AccessRequest
    ) -> None:
        assert bool(policy.decide(asked)) is any(allows(rule, asked) for rule in policy.rules)

    @given(policies, requests, st.randoms(use_true_random=False))
    def test_the_order_of_rules_means_nothing(
        self, policy: AccessPolicy, asked: AccessRequest, random: Any
    ) -> None:
        rules = list(policy.rules)
        random.shuffle(rules)
        assert AccessPolicy(rules).decide(asked) == policy.decide(asked)

    @given(policies, requests, st.data())
    def test_one_rule_less_never_allows_more(
        self, policy: AccessPolicy, asked: AccessRequest, data: Any
    ) -> None:
        kept = [rule for rule in policy.rules if data.draw(st.booleans())]
        if AccessPolicy(kept).decide(asked):
            assert policy.decide(asked)

    @given(policies, requests, requests)
    def test_a_refused_stranger_learns_nothing_about_titles(
        self, policy: AccessPolicy, asked: AccessRequest, other: AccessRequest
    ) -> None:
        if policy.decide(asked).refusal == NO_REASON:
            again = replace(asked, calling=other.calling, called=other.called)
            assert policy.decide(again).refusal == NO_REASON

    @given(policies, st.text(), st.text(), st.text(), st.sampled_from(IDENTITIES))
    def test_any_text_gives_a_decision_and_a_printable_line(
        self, policy: AccessPolicy, address: str, calling: str, called: str, who: Any
    ) -> None:
        decision = policy.decide(request(who, address, calling, called))
        assert isinstance(decision, AccessDecision)
        assert decision.message.isprintable()
