"""What tests/mutations.py knows of templates and tests, of which both change."""

import re

import pytest

from tests.lab.deploys import ROOT
from tests.mutations import FILES, IN_LAB, TESTS, _derived, mutants

EVERY = [*mutants()]


@pytest.mark.parametrize(
    "test", sorted({test for tests in TESTS.values() for test in tests.split()})
)
def test_a_test_that_could_know_is_there(test: str) -> None:
    file, _, name = test.removeprefix(IN_LAB).partition("::")
    path = ROOT / ("tests/lab" if test.startswith(IN_LAB) else "tests/host")
    text = (path / (file if test.startswith(IN_LAB) else f"test_{file}.py")).read_text()
    assert re.search(rf"^def test_\w*{name.removeprefix('test_')}", text, re.M)


def test_somebody_could_know_of_every_line() -> None:
    assert [str(each) for each in EVERY if not each.tests and not each.lab_tests] == []


def test_no_two_mutants_are_taken_for_one_another() -> None:
    assert len({each.key for each in EVERY}) == len(EVERY)


@pytest.mark.parametrize(
    "line, becomes",
    [
        ("milter_default_action = tempfail", "milter_default_action = accept"),
        ("smtp_tls_security_level = dane", "smtp_tls_security_level = may"),
        ("smtpd_helo_required = yes", "smtpd_helo_required = no"),
        ("smtpd_client_connection_rate_limit = 120", "smtpd_client_connection_rate_limit = 1200"),
        ("internal_mail_filter_classes = bounce", ""),
        ("pop3_lock_session = yes", "pop3_lock_session = no"),
        ("add_header = 6;", "add_header = 60;"),
        ("sign_inbound = false;", "sign_inbound = true;"),
        (
            "smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination",
            "smtpd_relay_restrictions = permit_mynetworks",
        ),
    ],
)
def test_a_line_becomes_its_opposite(line: str, becomes: str) -> None:
    found = _derived("postfix/main.cf.j2", f"# Why.\n{line}", FILES["postfix/main.cf.j2"])
    assert becomes in [each.becomes for each in found]
