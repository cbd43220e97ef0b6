"""The configuration: its sources, which of them wins, and what it refuses."""

from __future__ import annotations

import json
import pickle
import re
from dataclasses import fields
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from leaddicom import Limits, ParameterError
from leaddicom.ups.core.rules import Rules
from leaddicom.ups.core.terms import State
from leaddicom.ups.settings.configuration import (
    Configuration,
    default_text,
    load_configuration,
    read_value,
)
from leaddicom.ups.settings.entities import ApplicationEntity
from leaddicom.ups.settings.options import IGNORED, OPTIONS
from leaddicom.ups.settings.zones import LOCAL

#: A value for each setting that is not its default.
TEXTS = {
    "ae_title": "MANAGER",
    "port": "11115",
    "bind_address": "127.0.0.1",
    "check_called_ae_title": "true",
    "max_pdu": "16382",
    "acse_timeout": "5",
    "dimse_timeout": "6.5",
    "network_timeout": "30",
    "max_associations": "7",
    "max_associations_per_address": "3",
    "mutual_tls": "false",
    "ca_certificate": "ca.pem",
    "certificate": "own.pem",
    "private_key": "own.key",
    "key_password_env": "SECRET",
    "key_password_file": "secret.txt",
    "crl": "crl.pem",
    "tls_profile": "8996-mod",
    "access_policy": "access.toml",
    "database_location": "mine.sqlite",
    "worklist_label": "RADIOTHERAPY",
    "timezone": "Europe/Berlin",
    "find_limit": "50",
    "profiles": "TDW-II",
    "strict_create": "yes",
    "strict_final_state": "on",
    "strict_sop_class": "1",
    "deletion_locks": "no",
    "own_subscriptions_only": "on",
    "retention_completed": "never",
    "retention_canceled": "7d",
    "ae_table": "ae.json",
    "fallback_list": "WATCHER, OTHER AE",
    "event_retry_first": "2s",
    "event_retry_longest": "10m",
    "event_give_up": "2d",
    "workers": "4",
    "log_level": "DEBUG",
}

#: What they are read as; paths are relative to some folder.
VALUES = {
    **{name: text for name, text in TEXTS.items() if not OPTIONS[name].is_path},
    "port": 11115,
    "check_called_ae_title": True,
    "max_pdu": 16382,
    "acse_timeout": 5.0,
    "dimse_timeout": 6.5,
    "network_timeout": 30.0,
    "max_associations": 7,
    "max_associations_per_address": 3,
    "mutual_tls": False,
    "tls_profile": "Modified BCP 195 RFC 8996, 9325",
    "timezone": ZoneInfo("Europe/Berlin"),
    "find_limit": 50,
    "profiles": ("tdw-ii",),
    "strict_create": True,
    "strict_final_state": True,
    "strict_sop_class": True,
    "deletion_locks": False,
    "own_subscriptions_only": True,
    "retention_completed": None,
    "retention_canceled": timedelta(days=7),
    "fallback_list": ("WATCHER", "OTHER AE"),
    "event_retry_first": timedelta(seconds=2),
    "event_retry_longest": timedelta(minutes=10),
    "event_give_up": timedelta(days=2),
    "workers": 4,
    "log_level": "debug",
}

#: Settings that need another one.
COMPANIONS = {"fallback_list": {"ae_table": "ae.json"}}

PATHS = [name for name, option in OPTIONS.items() if option.is_path] + ["database_location"]


def ini(folder: Path, *lines: str) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / "manager.ini"
    path.write_text("\n".join(("[DEFAULT]", *lines, "")))
    return path


def of_file(path: Path, **environment: str) -> Configuration:
    return load_configuration({"config": str(path)}, environment)


def of_environment(**texts: str) -> Configuration:
    variables = {f"LEADDICOM_UPS_{name.upper()}": text for name, text in texts.items()}
    return load_configuration({}, variables)


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current directory, which is none of those that a file lies in."""
    folder = tmp_path / "current"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def test_every_setting_is_an_attribute_with_a_default_and_a_test() -> None:
    names = {each.name for each in fields(Configuration)}
    assert names == {*OPTIONS, "key_password", "notices"}
    assert TEXTS.keys() == OPTIONS.keys()
    default = Configuration()
    for name, value in VALUES.items():
        assert getattr(default, name) != value, name


@pytest.mark.parametrize("name", VALUES)
def test_every_setting_is_read_from_file_and_environment(tmp_path: Path, name: str) -> None:
    texts = {name: TEXTS[name], **COMPANIONS.get(name, {})}
    lines = (f"{key}: {text}" for key, text in texts.items())
    expected = VALUES[name]
    if name == "database_location":
        expected = str(tmp_path / "current" / "mine.sqlite")
    assert getattr(of_environment(**texts), name) == expected
    assert getattr(of_file(ini(tmp_path / "current", *lines)), name) == expected


class TestPrecedence:
    def test_defaults_then_file_then_environment_then_command_line(self, tmp_path: Path) -> None:
        path = ini(tmp_path, "ae_title: FILE", "port: 1", "max_associations: 2")
        variables = {"LEADDICOM_UPS_AE_TITLE": "VARIABLE", "LEADDICOM_UPS_PORT": "3"}
        arguments = {"config": str(path), "ae_title": "ARGUMENT"}
        made = load_configuration(arguments, variables)
        assert (made.ae_title, made.port, made.max_associations) == ("ARGUMENT", 3, 2)
        assert made.find_limit == Configuration().find_limit

    @pytest.mark.parametrize("source", ["file", "environment"])
    def test_a_switch_that_one_source_has_on_another_has_off(
        self, tmp_path: Path, source: str
    ) -> None:
        text = "strict_create: true" if source == "file" else ""
        variables = {} if text else {"LEADDICOM_UPS_STRICT_CREATE": "true"}
        arguments: dict[str, object] = {"config": str(ini(tmp_path, text))}
        assert load_configuration(arguments, variables).strict_create
        assert not load_configuration(
            {**arguments, "strict_create": False}, variables
        ).strict_create

    def test_an_empty_value_takes_an_optional_setting_away(self, tmp_path: Path) -> None:
        path = ini(tmp_path, "crl: crl.pem", "profiles: tdw-ii", "bind_address: ::1")
        empty = {f"LEADDICOM_UPS_{name}": "" for name in ("CRL", "PROFILES", "BIND_ADDRESS")}
        made = of_file(path, **empty)
        assert (made.crl, made.profiles, made.bind_address) == ("", (), "")

    def test_the_environment_may_name_the_file(self, tmp_path: Path) -> None:
        path = ini(tmp_path, "port: 7")
        assert load_configuration({}, {"LEADDICOM_UPS_CONFIG": str(path)}).port == 7

    def test_a_later_source_of_the_password_takes_the_earlier_one_away(
        self, tmp_path: Path
    ) -> None:
        path = ini(tmp_path, "key_password_env: SECRET")
        made = of_file(path, LEADDICOM_UPS_KEY_PASSWORD_FILE="/run/secret")
        assert (made.key_password_env, made.key_password_file) == ("", "/run/secret")

    def test_other_variables_mean_nothing(self) -> None:
        assert load_configuration({}, {"PORT": "1", "LEADDICOM_PORT": "2"}) == of_environment()


class TestPaths:
    """One rule: the folder of the INI file for what it says, else the current directory."""

    @pytest.mark.parametrize("name", PATHS)
    def test_of_the_file_are_relative_to_its_folder(self, tmp_path: Path, name: str) -> None:
        path = ini(tmp_path / "etc", f"{name}: sub/x.pem")
        assert getattr(of_file(path), name) == str(tmp_path / "etc" / "sub" / "x.pem")

    def test_also_when_the_file_is_named_by_a_relative_path(
        self, tmp_path: Path, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        ini(tmp_path / "etc", "crl: crl.pem")
        for folder, name in ((tmp_path, "etc/manager.ini"), (tmp_path / "etc", "manager.ini")):
            monkeypatch.chdir(folder)
            made = load_configuration({"config": name}, {})
            assert made.crl == str(tmp_path / "etc" / "crl.pem")

    @pytest.mark.parametrize("name", PATHS)
    def test_elsewhere_are_relative_to_the_current_directory(
        self, elsewhere: Path, name: str
    ) -> None:
        expected = str(elsewhere / "sub" / "x.pem")
        assert getattr(of_environment(**{name: "sub/x.pem"}), name) == expected
        assert read_value(OPTIONS[name], "sub/x.pem", elsewhere) == expected

    @pytest.mark.parametrize("name", PATHS)
    def test_absolute_ones_stay(self, tmp_path: Path, name: str) -> None:
        made = of_file(ini(tmp_path, f"{name}: /etc/x.pem"))
        assert getattr(made, name) == "/etc/x.pem"

    def test_of_the_defaults_are_those_of_the_development_pki(self, elsewhere: Path) -> None:
        made = of_environment()
        server = elsewhere / "certs" / "servers" / "worklistmanager"
        assert made.ca_certificate == str(elsewhere / "certs" / "rootCA" / "rootCA.pem")
        assert made.certificate == str(server / "worklistmanager.pem")
        assert made.private_key == str(server / "worklistmanager.key")
        assert made.database_location == str(elsewhere / "worklist.sqlite")

    def test_of_the_default_certificates_may_be_elsewhere(self, tmp_path: Path) -> None:
        made = load_configuration({}, {}, certs=tmp_path / "pki")
        assert made.ca_certificate == str(tmp_path / "pki" / "rootCA" / "rootCA.pem")

    def test_a_url_is_no_path(self) -> None:
        url = "postgresql://manager@host/worklist"
        assert of_environment(database_location=url).database_location == url

    def test_sqlalchemy_s_url_of_a_file_is_a_path(self, elsewhere: Path) -> None:
        for url, path in (("sqlite:///a.db", elsewhere / "a.db"), ("sqlite:////a.db", "/a.db")):
            assert of_environment(database_location=url).database_location == str(path)


class TestRefuses:
    @pytest.mark.parametrize(
        ("name", "text", "flaw"),
        [
            ("ae_title", "A" * 17, "must be an AE title"),
            ("ae_title", "", "must be an AE title"),
            ("port", "65536", "is '65536', but must be a number from 0 to 65535."),
            ("port", "-1", "a number from"),
            ("port", "1\n2", "a number from"),
            ("port", "tcp://10.0.0.1:2762", "a number from"),
            ("max_pdu", "1017", "from 1018 to"),
            ("acse_timeout", "0", "must be seconds, above 0"),
            ("dimse_timeout", "inf", "must be seconds"),
            ("network_timeout", "86401", "must be seconds"),
            ("mutual_tls", "maybe", "is 'maybe', but must be true or false."),
            ("mutual_tls", "", "must be true or false"),
            ("ca_certificate", "", "printable characters"),
            ("tls_profile", "none", "is 'none'."),
            ("database_location", "postgresql://u:secret@h:port/x", "cannot be. Give a file"),
            ("database_location", "", "cannot be. Give a file"),
            ("worklist_label", "A\\B", "without backslash"),
            ("timezone", "Atlantis/Capital", "which this computer does not know"),
            ("timezone", "+15:00", "which this computer does not know"),
            ("find_limit", "0", "a number from 1"),
            ("profiles", "tdw-3", "has 'tdw-3', but there are only tdw-ii."),
            ("retention_completed", "30", "or never, to delete nothing."),
            ("retention_canceled", "0d", "must be a time span above 0"),
            ("event_give_up", "never", "must be a time span above 0"),
            ("fallback_list", "GOOD, " + "A" * 17, "must be an AE title"),
            ("workers", "0", "a number from 1 to 64"),
            ("log_level", "loud", "one of critical, error, warn, info, debug."),
        ],
    )
    def test_what_cannot_be(self, tmp_path: Path, name: str, text: str, flaw: str) -> None:
        with pytest.raises(ParameterError) as caught:
            of_environment(**{name: text})
        variable = f"The environment variable LEADDICOM_UPS_{name.upper()} "
        assert caught.value.message.startswith(variable)
        assert flaw in caught.value.message
        assert "secret" not in caught.value.message
        if "\n" not in text:
            path = ini(tmp_path, "", f"{name}: {text}")
            with pytest.raises(ParameterError) as caught:
                of_file(path)
            assert caught.value.message.startswith(f"{path}, line 3: {name} ")
            assert flaw in caught.value.message

    def test_an_unknown_key_of_the_file(self, tmp_path: Path) -> None:
        with pytest.raises(ParameterError, match=r"line 2: mutal_tls is unknown\. Is mutual_tls"):
            of_file(ini(tmp_path, "mutal_tls: false"))

    def test_also_what_another_source_would_overrule(self, tmp_path: Path) -> None:
        with pytest.raises(ParameterError, match="line 2: port is 'no'"):
            load_configuration({"config": str(ini(tmp_path, "port: no")), "port": 1}, {})

    def test_waits_that_shrink(self) -> None:
        with pytest.raises(ParameterError, match="event_retry_first is longer than"):
            of_environment(event_retry_first="10m")
        same = of_environment(event_retry_first="5m", event_retry_longest="5m")
        assert same.event_retry_first == same.event_retry_longest

    def test_two_sources_of_one_password(self) -> None:
        with pytest.raises(ParameterError, match="are both given"):
            of_environment(key_password_env="A", key_password_file="b")

    def test_a_fallback_list_without_a_table(self) -> None:
        with pytest.raises(ParameterError, match="there is no ae_table"):
            of_environment(fallback_list="WATCHER")


class TestNotices:
    def test_of_a_file_as_other_managers_have_it(self, tmp_path: Path) -> None:
        path = ini(
            tmp_path,
            "ae_title: UPSSCP",
            "instance_location: ups_instances",
            "log_identifier: True",
            "[STORESCP]",
            "    address: 127.0.0.1",
            "    port: 11113",
        )
        made = of_file(path)
        assert made.ae_title == "UPSSCP"
        assert made.port is None
        assert made.notices == (
            f"{path}, line 3: instance_location has no effect here: all of a workitem is in the "
            "database.",
            f"{path}, line 4: log_identifier has no effect here: data sets are never logged.",
            f"{path}, line 5: [STORESCP] has no effect here: a worklist manager moves nothing, "
            "and its subscribers stand in ae_table.",
        )

    def test_of_an_unknown_variable(self) -> None:
        made = load_configuration({}, {"LEADDICOM_UPS_PORTS": "1"})
        assert made.notices == (
            "The environment variable LEADDICOM_UPS_PORTS is unknown. Is LEADDICOM_UPS_PORT meant?",
        )

    def test_are_none_of_the_configuration_s_business(self) -> None:
        assert Configuration(notices=("x",)) == Configuration()

    def test_ignored_keys_are_no_settings(self) -> None:
        assert not IGNORED.keys() & OPTIONS.keys()


class TestMeaning:
    @pytest.mark.parametrize(
        ("change", "port"),
        [({}, 2762), ({"mutual_tls": "false"}, 11114), ({"port": "0"}, 0)],
    )
    def test_the_port_depends_on_tls(self, change: dict[str, str], port: int) -> None:
        assert of_environment(**change).listening_port == port

    def test_mutual_tls_is_on_unless_it_is_switched_off(self, tmp_path: Path) -> None:
        assert of_file(ini(tmp_path)).mutual_tls
        assert not of_file(ini(tmp_path, "mutual_tls: false")).mutual_tls

    def test_limits(self) -> None:
        made = of_environment(
            acse_timeout="5", dimse_timeout="6", network_timeout="7", max_pdu="20000",
            max_associations="8", max_associations_per_address="9",
        )  # fmt: skip
        assert made.limits == Limits(
            artim_timeout=5,
            associate_timeout=5,
            response_timeout=6,
            idle_timeout=7,
            maximum_pdu_length=20000,
            associations=8,
            associations_per_address=9,
        )
        assert of_environment().limits == Limits()

    def test_no_wish_for_a_pdu_length_is_the_longest_that_makes_sense(self) -> None:
        assert of_environment(max_pdu="0").limits == Limits()

    def test_tls_settings(self, elsewhere: Path) -> None:
        made = of_environment(crl="crl.pem", tls_profile="8996-mod")
        assert made.tls_settings.crl_file == str(elsewhere / "crl.pem")
        assert made.tls_settings.profile == "Modified BCP 195 RFC 8996, 9325"
        assert made.tls_settings.ca_file == made.ca_certificate
        assert of_environment().tls_settings.crl_file is None

    def test_rules(self) -> None:
        made = of_environment(profiles="tdw-ii", strict_create="true", timezone="-05:30")
        assert made.rules.strict_create
        assert [each.name for each in made.rules.profiles] == ["tdw-ii"]
        assert made.rules.zone == timezone(-timedelta(hours=5, minutes=30))
        assert of_environment(timezone="+00:00").rules == Rules()

    def test_retention(self) -> None:
        assert of_environment().retention == {
            State.COMPLETED: timedelta(days=30),
            State.CANCELED: timedelta(days=30),
        }
        made = of_environment(retention_completed="never", retention_canceled="12h")
        assert made.retention == {State.CANCELED: timedelta(hours=12)}

    @pytest.mark.parametrize(
        ("location", "text"),
        [
            ("/var/worklist.sqlite", "/var/worklist.sqlite"),
            ("postgresql://u:secret@h:5432/db?password=secret", "postgresql://u@h:5432/db"),
            ("postgresql+psycopg://h/db", "postgresql+psycopg://h/db"),
            ("postgresql:///db", "postgresql:///db"),
        ],
    )
    def test_the_database_is_told_without_its_password(self, location: str, text: str) -> None:
        made = of_environment(database_location=location)
        assert made.database_text == text
        assert "secret" not in repr(made)

    def test_no_secret_is_shown(self) -> None:
        assert "secret" not in repr(Configuration(key_password="secret"))

    def test_it_travels_to_other_processes(self) -> None:
        for zone in ("local", "Europe/Berlin", "+01:00"):
            made = of_environment(timezone=zone, profiles="tdw-ii")
            assert pickle.loads(pickle.dumps(made)) == made


class TestFiles:
    def table(self, folder: Path) -> None:
        entries = [{"AETitle": name, "IPAddr": "h", "Port": 1} for name in ("A", "B")]
        (folder / "ae.json").write_text(json.dumps(entries))

    def test_the_ae_table_is_read_anew_each_time(self, elsewhere: Path) -> None:
        self.table(elsewhere)
        made = of_environment(ae_table="ae.json", mutual_tls="false")
        assert made.entities() == tuple(
            ApplicationEntity(name, "h", 1, tls=False, origin="file") for name in ("A", "B")
        )
        (elsewhere / "ae.json").write_text("[]")
        assert made.entities() == ()
        assert of_environment().entities() == ()

    def test_the_fallback_list_marks_entities_of_the_table(self, elsewhere: Path) -> None:
        self.table(elsewhere)
        made = of_environment(ae_table="ae.json", fallback_list="B")
        assert [each.fallback_list for each in made.entities()] == [False, True]
        lost = of_environment(ae_table="ae.json", fallback_list="C")
        with pytest.raises(ParameterError, match=r"fallback_list has 'C', which .* lacks"):
            lost.entities()

    def test_the_access_policy_is_read_anew_each_time(self, elsewhere: Path) -> None:
        (elsewhere / "access.toml").write_text(
            '[rule.any]\ndns_name = "a.example"\ncalling = ["A"]\n'
        )
        made = of_environment(access_policy="access.toml")
        policy = made.policy()
        assert policy is not None
        assert policy.rules[0].name == "any"
        (elsewhere / "access.toml").write_text("")
        with pytest.raises(ParameterError):
            made.policy()
        assert of_environment().policy() is None

    def test_missing_certificates_are_told_with_the_remedy(self, elsewhere: Path) -> None:
        for name in ("ca.pem", "own.pem"):
            (elsewhere / name).touch()
        files = {"ca_certificate": "ca.pem", "certificate": "own.pem", "private_key": ""}
        assert of_environment(**files).missing_files() is None
        assert of_environment(mutual_tls="no").missing_files() is None
        missing = of_environment(**files | {"private_key": "own.key"}).missing_files() or ""
        assert missing.startswith(f"{elsewhere / 'own.key'} (private_key) does not exist.")
        assert "leaddicom pki init" in missing


class TestHelp:
    @pytest.mark.parametrize(
        ("name", "text"),
        [
            ("ae_title", "UPSSCP"),
            ("port", "2762, without TLS 11114"),
            ("mutual_tls", "on"),
            ("strict_create", "off"),
            ("acse_timeout", "30"),
            ("event_retry_first", "1s"),
            ("event_retry_longest", "5m"),
            ("event_give_up", "1d"),
            ("retention_completed", "30d"),
            ("timezone", "local"),
            ("crl", ""),
            ("profiles", ""),
        ],
    )
    def test_tells_the_default_as_one_would_write_it(self, name: str, text: str) -> None:
        option: Any = OPTIONS[name]
        assert default_text(option) == text
        if text and name != "port":
            assert read_value(option, text, Path.cwd()) == getattr(Configuration(), name)

    def test_every_setting_is_explained(self) -> None:
        for option in OPTIONS.values():
            assert len(option.help) > 10
            assert option.is_switch or option.metavar


class TestLocalTime:
    def test_is_this_computer_s(self) -> None:
        for month in (1, 7):
            when = datetime(2026, month, 1, 12)  # noqa: DTZ001 - the local time without a zone
            assert when.replace(tzinfo=LOCAL).utcoffset() == when.astimezone().utcoffset()

    def test_goes_both_ways(self) -> None:
        when = datetime(2026, 7, 1, 12, tzinfo=timezone.utc)
        assert when.astimezone(LOCAL) == when

    def test_has_an_offset_for_every_year(self) -> None:
        for each in (datetime.min.replace(tzinfo=LOCAL), datetime.max.replace(tzinfo=LOCAL)):
            assert isinstance(each.utcoffset(), timedelta)

    def test_has_a_name(self) -> None:
        assert LOCAL.tzname(None) == "local"
        assert re.fullmatch(r"local \(.+/.+\)", str(LOCAL))
        assert isinstance(LOCAL.utcoffset(None), timedelta)
