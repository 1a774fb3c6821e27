"""When a certificate is due, and when late: everybody who looks goes by one rule."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509

from mailwright.certificates.chains import good_until
from mailwright.model import renewal
from programs import renew

CASES = [(36, False, False), (34, True, False), (33, True, True), (-1, True, True)]


@pytest.mark.parametrize(("left", "is_due", "is_late"), CASES)
def test_it_is_due_somewhat_before_it_is_late(left: int, is_due: bool, is_late: bool) -> None:
    for days in (90, 45, 6):
        end = datetime.now(UTC) + timedelta(days=days) * left / 100
        start = end - timedelta(days=days)
        assert (renewal.is_due(start, end), renewal.is_late(start, end)) == (is_due, is_late)


@pytest.mark.filterwarnings("ignore")  # what Debian 12 has, and later is deprecated
@pytest.mark.parametrize(("left", "is_due"), [case[:2] for case in CASES])
def test_a_host_orders_when_the_operator_s_machine_would(
    chain: Callable[..., str], left: int, is_due: bool
) -> None:
    pem = chain(days=left, start=left - 100)
    assert (good_until(pem) is None) == is_due
    assert renew.is_old(x509.load_pem_x509_certificate(pem.encode()), renewal.DUE) == is_due
