"""One rule: what it may say, and when its conditions are met."""

from __future__ import annotations

import copy
import pickle
from dataclasses import replace
from typing import Any

import pytest

from access.identities import identity, name
from leaddicom import AccessRequest, AccessRule, ParameterError, PeerIdentity
from leaddicom.access.rules import Condition

PRINT = "0123456789abcdef" * 4


def rule(**conditions: Any) -> AccessRule:
    return AccessRule(**{"name": "ct", "calling": ["CT1"], "dns_name": "ct1.example"} | conditions)


def of_certificate(**conditions: Any) -> AccessRule:
    return AccessRule(name="ct", calling=["CT1"], **conditions)


def unmet(
    asked: AccessRule,
    who: PeerIdentity | None = None,
    address: str = "10.1.2.3",
    calling: str = "CT1",
    called: str = "ARCHIVE",
) -> list[Condition]:
    """The conditions that are not met."""
    request = AccessRequest(address=address, identity=who, calling=calling, called=called)
    return [condition for condition, _ in asked.objections(request)]


CT1 = identity(dns=["ct1.example"])


# --------------------------------------------------------------------------- AE titles


class TestAeTitles:
    @pytest.mark.parametrize("title", ["CT1", " CT1", "CT1 ", "  CT1  "])
    def test_spaces_at_the_ends_do_not_count(self, title: str) -> None:
        assert unmet(rule(calling=[title]), CT1) == []
        assert unmet(rule(), CT1, calling=title) == []
        assert unmet(rule(called=[title]), CT1, called="CT1") == []
        assert unmet(rule(called=["CT1"]), CT1, called=title) == []

    @pytest.mark.parametrize(
        "title",
        [
            "ct1",
            "Ct1",
            "C T1",
            "CT",
            "CT11",
            "CT1\0",
            "CT1\t",
            "CT1\n",
            "",
            "\N{FULLWIDTH LATIN CAPITAL LETTER C}T1",
            "*",
        ],
    )
    def test_all_else_counts(self, title: str) -> None:
        assert unmet(rule(), CT1, calling=title) == [Condition.CALLING]
        assert unmet(rule(called=["CT1"]), CT1, called=title) == [Condition.CALLED]

    def test_an_asterisk_is_an_ae_title_and_no_wildcard(self) -> None:
        assert unmet(rule(calling=["*"]), CT1) == [Condition.CALLING]
        assert unmet(rule(calling=["*"]), CT1, calling="*") == []

    def test_any_of_them_will_do(self) -> None:
        several = rule(calling=["CT1", "CT2"], called=["A", "B"])
        for calling in ("CT1", "CT2"):
            for called in ("A", "B"):
                assert unmet(several, CT1, calling=calling, called=called) == []
        assert unmet(several, CT1, calling="A", called="CT1") == [
            Condition.CALLING,
            Condition.CALLED,
        ]

    def test_called_ones_that_are_not_stated_may_be_any(self) -> None:
        assert unmet(rule(), CT1, called="ANYTHING") == []


# --------------------------------------------------------------------------- addresses


class TestAddresses:
    @pytest.mark.parametrize(
        ("network", "inside", "outside"),
        [
            ("10.1.2.3", "10.1.2.3", "10.1.2.4"),
            ("10.1.2.3/32", "10.1.2.3", "10.1.2.2"),
            ("10.1.2.0/24", "10.1.2.0", "10.1.1.255"),
            ("10.1.2.0/24", "10.1.2.255", "10.1.3.0"),
            ("0.0.0.0/0", "255.255.255.255", "::1"),
            ("2001:db8::/32", "2001:db8:ffff::1", "2001:db9::"),
            ("2001:DB8::1", "2001:db8:0:0::1", "2001:db8::2"),
            ("::/0", "2001:db8::1", "10.1.2.3"),
            ("fe80::/10", "fe80::1%eth0", "fec0::1%eth0"),
            ("10.1.2.3", "::ffff:10.1.2.3", "::ffff:10.1.2.4"),
            ("10.1.2.3", "::ffff:a01:203", "::10.1.2.3"),
            ("::/0", "::1", "::ffff:10.1.2.3"),
        ],
    )
    def test_a_network_has_ends(self, network: str, inside: str, outside: str) -> None:
        there = rule(addresses=[network])
        assert unmet(there, CT1, inside) == []
        assert unmet(there, CT1, outside) == [Condition.ADDRESS]

    def test_any_of_them_will_do(self) -> None:
        there = rule(addresses=["10.1.0.0/16", "2001:db8::/32"])
        assert [unmet(there, CT1, each) for each in ("10.1.0.1", "2001:db8::1")] == [[], []]
        assert unmet(there, CT1, "10.2.0.1") == [Condition.ADDRESS]

    @pytest.mark.parametrize(
        "address", ["", "unknown", "010.1.2.3", "/run/socket", "\N{ARABIC-INDIC DIGIT ONE}0.1.2.3"]
    )
    def test_what_is_no_address_is_nowhere(self, address: str) -> None:
        everywhere = rule(addresses=["0.0.0.0/0", "::/0"])
        assert unmet(everywhere, CT1, address) == [Condition.ADDRESS]
        assert unmet(rule(), CT1, address) == []


# -------------------------------------------------------------------------- certificates


class TestDnsName:
    @pytest.mark.parametrize("written", ["ct1.example", "CT1.Example"])
    def test_case_does_not_count(self, written: str) -> None:
        assert unmet(of_certificate(dns_name=written), CT1) == []
        assert unmet(of_certificate(dns_name="ct1.example"), identity(dns=[written])) == []

    def test_any_of_the_certificate_will_do(self) -> None:
        assert unmet(rule(), identity(dns=["mr.example", "ct1.example", "localhost"])) == []

    @pytest.mark.parametrize(
        "other",
        [
            "ct1.example.com",
            "xct1.example",
            "ct1",
            "ct1.example.",
            "*.example",
            "ct1.example\0.evil",
            "ct1.example ",
            "ct1-example",
        ],
    )
    def test_no_other_will_do(self, other: str) -> None:
        assert unmet(rule(), identity(dns=[other])) == [Condition.CERTIFICATE]

    def test_neither_the_subject_nor_a_uri_is_one(self) -> None:
        other = identity(name(CN="ct1.example"), uris=["ct1.example"])
        assert unmet(rule(), other) == [Condition.CERTIFICATE]

    def test_a_wildcard_stands_for_itself_only(self) -> None:
        wildcard = of_certificate(dns_name="*.example")
        assert unmet(wildcard, identity(dns=["*.example"])) == []
        assert unmet(wildcard, CT1) == [Condition.CERTIFICATE]
        assert unmet(rule(), identity(dns=["*.example"])) == [Condition.CERTIFICATE]

    def test_no_letter_passes_for_another(self) -> None:
        """The Kelvin sign is a k in lower case; an identity can be made of any text."""
        odd = replace(CT1, dns_names=("\N{KELVIN SIGN}.example",))
        assert unmet(of_certificate(dns_name="k.example"), odd) == [Condition.CERTIFICATE]


class TestUri:
    URI = "urn:oid:1.2.3"

    def test_is_compared_as_it_is_written(self) -> None:
        wanted = of_certificate(uri=self.URI)
        assert unmet(wanted, identity(uris=["https://a.example/", self.URI])) == []
        for other in ("urn:oid:1.2.3.4", "urn:oid:1.2", "URN:OID:1.2.3", "urn:oid:1.2.3\n"):
            assert unmet(wanted, identity(uris=[other])) == [Condition.CERTIFICATE]


class TestDistinguishedNames:
    @pytest.mark.parametrize("key", ["subject", "issuer"])
    @pytest.mark.parametrize(
        "other",
        [
            name(CN="ct1", O="Hospital"),  # the other way round
            name(O="Hospital", CN="CT1"),
            name(O="Hospital", CN="ct1 "),
            name(O="Hospital", CN="ct11"),
            name(CN="ct1"),
            name(O="Hospital", OU="X", CN="ct1"),
            name(C="CH", O="Hospital", CN="ct1"),
            name(CN="ct1,O=Hospital"),
            name(O="Hospital", CN="ct1\0"),
            name(),
        ],
        ids=lambda value: getattr(value, "rfc4514_string", lambda: value)(),
    )
    def test_are_compared_as_a_whole(self, key: str, other: Any) -> None:
        wanted = of_certificate(**{key: "CN=ct1,O=Hospital"})
        same = name(O="Hospital", CN="ct1")
        certificates = {"subject": identity, "issuer": lambda found: identity(issuer=found)}
        assert unmet(wanted, certificates[key](same)) == []
        assert unmet(wanted, certificates[key](other)) == [Condition.CERTIFICATE]

    def test_a_comma_in_a_value(self) -> None:
        wanted = of_certificate(subject=r"CN=Röntgen\, 2,O=Hospital")
        assert unmet(wanted, identity(name(O="Hospital", CN="Röntgen, 2"))) == []

    def test_one_is_not_the_other(self) -> None:
        wanted = of_certificate(subject="CN=a", issuer="CN=b")
        assert unmet(wanted, identity(name(CN="a"), issuer=name(CN="b"))) == []
        assert unmet(wanted, identity(name(CN="b"), issuer=name(CN="a"))) == [Condition.CERTIFICATE]
        assert unmet(wanted, identity(name(CN="a"), issuer=name(CN="a"))) == [Condition.CERTIFICATE]


class TestFingerprint:
    def test_is_that_of_one_certificate(self) -> None:
        wanted = of_certificate(fingerprint=CT1.fingerprint)
        assert unmet(wanted, CT1) == []
        assert unmet(wanted, identity(dns=["ct1.example"])) == [Condition.CERTIFICATE]

    def test_may_be_written_as_openssl_does(self) -> None:
        digits = CT1.fingerprint.upper()
        colons = ":".join(digits[at : at + 2] for at in range(0, 64, 2))
        for written in (digits, colons):
            wanted = of_certificate(fingerprint=written)
            assert unmet(wanted, CT1) == []
            assert wanted == of_certificate(fingerprint=CT1.fingerprint)


class TestCertificate:
    def test_has_to_meet_every_condition(self) -> None:
        who = identity(
            name(CN="ct1"), issuer=name(CN="CA"), dns=["ct1.example"], uris=["urn:oid:1"]
        )
        fitting = {
            "dns_name": "ct1.example",
            "uri": "urn:oid:1",
            "subject": "CN=ct1",
            "issuer": "CN=CA",
            "fingerprint": who.fingerprint,
        }
        other = {
            "dns_name": "ct2.example",
            "uri": "urn:oid:2",
            "subject": "CN=ct2",
            "issuer": "CN=CB",
            "fingerprint": PRINT,
        }
        assert unmet(of_certificate(**fitting), who) == []
        for key, value in other.items():
            assert unmet(of_certificate(**fitting | {key: value}), who) == [Condition.CERTIFICATE]

    @pytest.mark.parametrize(
        "conditions",
        [
            {"dns_name": "ct1.example"},
            {"uri": "urn:oid:1"},
            {"subject": "CN=somebody"},
            {"issuer": "CN=Device CA"},
        ],
        ids=repr,
    )
    def test_that_was_not_verified_is_known_by_its_fingerprint_only(
        self, conditions: dict[str, str]
    ) -> None:
        names: dict[str, Any] = {"dns": ["ct1.example"], "uris": ["urn:oid:1"]}
        unverified = identity(**names, verified=False)
        assert unmet(of_certificate(**conditions), identity(**names)) == []
        assert unmet(of_certificate(**conditions), unverified) == [Condition.CERTIFICATE]
        pinned = of_certificate(fingerprint=unverified.fingerprint)
        assert unmet(pinned, unverified) == []
        both = of_certificate(fingerprint=unverified.fingerprint, **conditions)
        assert unmet(both, unverified) == [Condition.CERTIFICATE]

    def test_that_is_not_shown_meets_nothing(self) -> None:
        for conditions in ({"dns_name": "ct1.example"}, {"fingerprint": PRINT}):
            assert unmet(of_certificate(**conditions), None) == [Condition.CERTIFICATE]

    def test_that_is_shown_does_not_fit_a_rule_for_peers_without(self) -> None:
        without = of_certificate(without_certificate=True, addresses=["10.1.2.3"])
        assert unmet(without, None) == []
        assert unmet(without, CT1) == [Condition.CERTIFICATE]


# ------------------------------------------------------------------------ what is refused

REFUSED = [
    ({"name": ""}, "'' cannot be the name of a rule. Take 1 to 64 printable"),
    ({"name": "a\nb"}, r"'a\\nb' cannot be the name of a rule"),
    ({"name": "a" * 65}, "cannot be the name of a rule"),
    ({"name": 7}, "7 cannot be the name of a rule"),
    ({"calling": None}, "calling is missing. List the AE titles"),
    ({"calling": "CT1"}, r"calling is 'CT1', which is no list. Write it as \[\"TITLE\"\]"),
    ({"calling": []}, "calling is empty, so that nothing could fit"),
    ({"calling": [1]}, "calling has 1, which is no text"),
    ({"calling": ["CT1", "CT1"]}, "calling has 'CT1' twice"),
    ({"calling": ["CT1", " CT1 "]}, "calling has ' CT1 ' twice"),
    ({"calling": [""]}, "calling has '', which is no AE title. Use 1 to 16 printable ASCII"),
    ({"calling": ["   "]}, "calling has '   ', which is no AE title"),
    ({"calling": ["A" * 17]}, "calling has 'A{17}', which is no AE title"),
    ({"calling": ["A\\B"]}, r"calling has 'A\\\\B', which is no AE title"),
    ({"calling": ["A\nB"]}, r"calling has 'A\\nB', which is no AE title"),
    ({"calling": ["CÄ"]}, "calling has 'CÄ', which is no AE title"),
    ({"called": []}, "called is empty"),
    ({"called": "X"}, "called is 'X', which is no list"),
    ({"called": ["A", "B", "A"]}, "called has 'A' twice"),
    ({"addresses": "10.1.2.3"}, "addresses is '10.1.2.3', which is no list"),
    ({"addresses": []}, "addresses is empty"),
    ({"addresses": ["ct1.example"]}, "'ct1.example', which is neither an IP address nor a network"),
    ({"addresses": ["10.1.2.3/16"]}, r"Write 10.1.0.0/16 for the network, or 10.1.2.3 for one"),
    ({"addresses": ["10.1.2.3/33"]}, "neither an IP address nor a network"),
    ({"addresses": ["10.0.0.0/255.0.0.0"]}, "neither an IP address nor a network. Write a network"),
    ({"addresses": ["10.1.2.3/"]}, "neither an IP address nor a network"),
    ({"addresses": ["010.1.2.3"]}, "neither an IP address nor a network"),
    ({"addresses": ["10.1.2.3-9"]}, "neither an IP address nor a network"),
    ({"addresses": ["fe80::1%eth0"]}, "neither an IP address nor a network"),
    ({"addresses": ["2001:db8::1/32"]}, "Write 2001:db8::/32 for the network"),
    ({"addresses": ["::ffff:10.1.0.0/112"]}, r"IPv4 address is known by that. Write 10.1.0.0/16"),
    ({"addresses": ["::ffff:10.1.2.3"]}, r"Write 10.1.2.3/32"),
    ({"addresses": ["10.1.0.0/16", "10.1.0.0/16"]}, "'10.1.0.0/16' twice"),
    ({"addresses": ["10.1.2.3", "10.1.2.3/32"]}, "'10.1.2.3/32' twice"),
    ({"dns_name": ["ct1.example"]}, "which is no text. Write one text, in quotes"),
    ({"dns_name": ""}, "dns_name is '', which is no DNS name"),
    ({"dns_name": "ct1.example."}, "without a dot at the end"),
    ({"dns_name": "ct1..example"}, "which is no DNS name"),
    ({"dns_name": "ct 1"}, "which is no DNS name"),
    ({"dns_name": "ct1.example\n"}, "which is no DNS name"),
    ({"dns_name": "röntgen.example"}, r"in ASCII \(xn--...\)"),
    ({"dns_name": "\N{KELVIN SIGN}.example"}, "which is no DNS name"),
    ({"dns_name": "10.1.2.3"}, "an IP address belongs to addresses"),
    ({"dns_name": "*"}, "which is no DNS name"),
    ({"dns_name": "ct*.example"}, "which is no DNS name"),
    ({"dns_name": "a.*.example"}, "which is no DNS name"),
    ({"dns_name": "-ct.example"}, "which is no DNS name"),
    ({"dns_name": "a" * 64 + ".example"}, "which is no DNS name"),
    ({"dns_name": "a." * 126 + "ab"}, "which is no DNS name"),
    ({"uri": "ct1.example"}, "uri is 'ct1.example', which is no URI"),
    ({"uri": "urn:a b"}, "which is no URI"),
    ({"uri": "urn:a\\n"}, "which is no URI"),
    ({"uri": "urn:ä"}, "which is no URI"),
    ({"uri": "urn:"}, "which is no URI"),
    ({"uri": 7}, "uri is 7, which is no text"),
    ({"subject": ""}, "which is no distinguished name as RFC 4514 writes it"),
    ({"subject": "ct1"}, "which is no distinguished name"),
    ({"subject": "O = Hospital, CN = ct1"}, "Copy it from the log line of a refusal"),
    ({"subject": "/O=Hospital/CN=ct1"}, "which is no distinguished name"),
    ({"subject": "CN=ct1,"}, "which is no distinguished name"),
    ({"subject": "CN=ct1\n"}, "which is no distinguished name"),
    ({"subject": "2.5.4.3=ct1"}, "Write 'CN=ct1'"),
    ({"subject": r"CN=a\2Cb"}, r"Write 'CN=a\\\\,b'"),
    ({"subject": "CN=#0c03637431"}, r"which is no distinguished name"),
    ({"subject": "C=Switzerland"}, "which is no distinguished name"),
    ({"issuer": "Device CA"}, "issuer is 'Device CA', which is no distinguished name"),
    ({"issuer": 7}, "issuer is 7, which is no text"),
    ({"fingerprint": ""}, "which is no SHA-256 fingerprint"),
    ({"fingerprint": PRINT[:-1]}, "64 hexadecimal digits"),
    ({"fingerprint": PRINT + "0"}, "64 hexadecimal digits"),
    ({"fingerprint": PRINT[:40]}, "which is no SHA-256 fingerprint"),
    ({"fingerprint": PRINT[:-1] + "g"}, "which is no SHA-256 fingerprint"),
    ({"fingerprint": PRINT[:-1] + "\n"}, "which is no SHA-256 fingerprint"),
    ({"fingerprint": PRINT[:3] + ":" + PRINT[3:]}, "32 pairs of them with colons between"),
    ({"fingerprint": ":" + PRINT}, "which is no SHA-256 fingerprint"),
    ({"without_certificate": 1}, "without_certificate is 1. Write true or false"),
    ({"without_certificate": "yes"}, "without_certificate is 'yes'"),
    ({"without_certificate": True}, "without_certificate contradicts dns_name"),
    (
        {"without_certificate": True, "dns_name": None},
        "without_certificate needs addresses: an AE title alone proves nothing",
    ),
    ({"dns_name": None}, "dns_name is missing, and so is every other condition that tells"),
    ({"dns_name": None, "addresses": ["10.1.2.3"]}, "or without_certificate, for plain DICOM"),
]


class TestRefused:
    @pytest.mark.parametrize(("conditions", "words"), REFUSED, ids=lambda value: repr(value)[:60])
    def test_by_key_and_with_a_remedy(self, conditions: dict[str, Any], words: str) -> None:
        with pytest.raises(ParameterError, match=words) as caught:
            rule(**conditions)
        assert str(caught.value).isprintable()
        assert str(caught.value).startswith(("The access rule 'ct': ", "An access rule: "))

    def test_the_error_can_be_pickled(self) -> None:
        with pytest.raises(ParameterError) as caught:
            rule(calling=[])
        assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)

    @pytest.mark.parametrize(
        "good",
        [
            {"dns_name": "ct1"},
            {"dns_name": "xn--rntgen-wxa.example"},
            {"dns_name": "ct_1.a-b.example"},
            {"dns_name": "10.example"},
            {"dns_name": "a" * 63 + ".example"},
            {"uri": "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6"},
            {"uri": "https://ct1.example:8443/a?b=%20#c"},
            {"subject": "CN=a+OU=b,1.2.840.113549.1.9.1=a@b.example,C=CH"},
            {"calling": ("A" * 16, "*", "a b", "!~")},
            {"addresses": ["0.0.0.0/0", "::/0"]},
        ],
        ids=repr,
    )
    def test_nothing_that_is_good(self, good: dict[str, Any]) -> None:
        rule(**good)


class TestAsAValue:
    def test_cannot_be_changed(self) -> None:
        with pytest.raises(AttributeError):
            rule().calling = ("OTHER",)  # type: ignore[misc]

    def test_keeps_nothing_of_the_caller(self) -> None:
        titles = ["CT1"]
        made = rule(calling=titles)
        titles.append("MR1")
        assert made.calling == ("CT1",)

    def test_is_equal_and_hashable_by_its_conditions(self) -> None:
        one, same = (
            rule(dns_name="CT1.example", addresses=["10.1.2.3"]),
            rule(addresses=("10.1.2.3/32",)),
        )
        assert one == same
        assert len({one, same}) == 1
        assert one != rule()

    def test_can_be_copied(self) -> None:
        made = rule(subject="CN=somebody", addresses=["10.1.2.3"])
        for same in (copy.deepcopy(made), pickle.loads(pickle.dumps(made))):
            assert same == made
            assert unmet(same, CT1) == []
