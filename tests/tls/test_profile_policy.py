"""What is negotiated is what the checked-in files say, for every profile and both roles."""

from __future__ import annotations

import dataclasses

import pytest

from leaddicom.tls import PROFILES, Ciphersuite, Role

from .policy import (
    FOLDER,
    GROUPS,
    SIGNATURES,
    client_lines,
    first_flight,
    has_group,
    has_signature,
    parse_hello,
    path_of,
    text_of,
)
from .worlds import B12, B13, TwoKinds


@pytest.fixture(scope="module")
def both(tmp_path_factory) -> TwoKinds:
    return TwoKinds(tmp_path_factory.mktemp("both"))


def expected(name: str) -> list[str]:
    """Give the file's lines, without groups and signatures that an older OpenSSL lacks."""
    missing = {f"    {each}" for each in GROUPS.values() if not has_group(each)}
    missing |= {f"    {each}" for each in SIGNATURES.values() if not has_signature(each)}
    lines = path_of(name).read_text("ascii").splitlines()
    return [line for line in lines if line not in missing]


@pytest.mark.parametrize("name", PROFILES)
def test_the_policy_is_the_one_that_was_agreed_on(both, name):
    assert text_of(both, name).splitlines() == expected(name)


def test_each_profile_has_its_file_and_no_file_is_left_over():
    assert set(FOLDER.iterdir()) == {path_of(name) for name in PROFILES}


@pytest.mark.parametrize("name", [B12, B13])
def test_a_cbc_suite_would_be_noticed(both, name, monkeypatch):
    wrong = dataclasses.replace(
        PROFILES[name],
        suites_tls12=(
            *PROFILES[name].suites_tls12,
            Ciphersuite.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA,
        ),
    )
    monkeypatch.setattr("leaddicom.tls.settings.profile", lambda _: wrong)
    found, agreed = text_of(both, name).splitlines(), expected(name)
    assert found != agreed
    assert [line for line in found if line not in agreed] == ["    ECDHE-RSA-AES128-SHA"] * 2


@pytest.mark.parametrize("name", PROFILES)
def test_no_ticket_no_session_and_no_early_data_is_offered(both, name):
    _, compression, extensions = parse_hello(first_flight(both.context(Role.CLIENT, name)))
    assert compression == [0]
    assert not {35, 41, 42} & set(extensions)
    assert "    application_layer_protocol_negotiation" in client_lines(
        both.context(Role.CLIENT, name)
    )
