"""The certificate, as clients see it."""

import re
import socket
import ssl
import subprocess

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization as pem
from cryptography.hazmat.primitives.asymmetric import ec
from testinfra.host import Host

from mailwright.model.host import MailHost
from tests.host.state import Unit


@pytest.mark.parametrize("port", [465, 993, 995])
def test_the_certificate_is_valid_for_the_name(mail: MailHost, port: int) -> None:
    context = ssl.create_default_context()
    with (
        socket.create_connection((mail.name, port), timeout=10) as plain,
        context.wrap_socket(plain, server_hostname=mail.name) as tls,
    ):
        served = x509.load_der_x509_certificate(tls.getpeercert(binary_form=True) or b"")
    key = pem.load_pem_private_key(mail.tls_key.encode(), None)
    assert served.public_key() == key.public_key()
    if mail.tls_chain:
        assert served == x509.load_pem_x509_certificates(mail.tls_chain.encode())[0]


def test_only_root_reads_the_private_key(host: Host) -> None:
    chain = host.check_output("stat -c '%U %G %a' /etc/mailwright/tls/mail.pem")
    assert chain == "root root 600"


def test_no_certificate_has_less_than_a_third_of_its_life_left(
    host: Host, units: dict[str, Unit]
) -> None:
    """In the words of the program that looks each day, and whose failure the postmaster reads."""
    timer = units["mailwright-expiry.timer"]
    assert timer.is_enabled
    assert timer.is_running
    looked = host.run("/etc/mailwright/expiry/run")
    assert looked.stdout == ""
    assert looked.succeeded, looked.stderr


# How openssl(1) greets on each port that takes mail or shows it.
PORTS = {
    25: ["-starttls", "smtp"],
    587: ["-starttls", "smtp"],
    465: [],
    993: [],
    143: ["-starttls", "imap"],
    995: [],
    110: ["-starttls", "pop3"],
    4190: ["-starttls", "sieve"],
    443: [],
}
TLS_1_3 = ["TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256", "TLS_AES_128_GCM_SHA256"]


def greeting(mail: MailHost, port: int) -> list[str]:
    """Openssl's words for how to get to TLS; the web server knows only the names of its sites."""
    if port == 443 and not mail.sites:
        pytest.skip("the host has no web site")
    name = mail.sites[0].names[0] if port == 443 else mail.name
    return ["-connect", f"{name}:{port}", *PORTS[port]]


def chosen(mail: MailHost, port: int, *offer: str) -> str:
    """The suite that the server takes from an offer; empty when it takes none."""
    words = ["openssl", "s_client", *greeting(mail, port), *offer]
    said = subprocess.run(words, input="", capture_output=True, text=True, timeout=20).stdout
    return next(iter(re.findall(r"^New, TLSv1\.\d, Cipher is (\S+)$", said, re.M)), "")


@pytest.mark.parametrize("port", PORTS)
def test_every_port_shows_the_certificate_in_the_file(
    mail: MailHost, host: Host, port: int
) -> None:
    words = ["openssl", "s_client", *greeting(mail, port)]
    name = f"web/{mail.sites[0].domain.name}" if port == 443 else "mail"
    file = host.check_output(f"openssl x509 -in /etc/mailwright/tls/{name}.pem -noout -serial")
    shown = subprocess.run(words, input="", capture_output=True, text=True, timeout=20).stdout
    served = x509.load_pem_x509_certificate(shown.encode())
    assert int(file.removeprefix("serial="), 16) == served.serial_number


@pytest.mark.parametrize("port", PORTS)
@pytest.mark.parametrize("version", ["-tls1", "-tls1_1"])
def test_old_tls_is_refused(mail: MailHost, port: int, version: str) -> None:
    assert chosen(mail, port, version, "-cipher", "ALL:COMPLEMENTOFALL:@SECLEVEL=0") == ""


@pytest.mark.parametrize("port", PORTS)
def test_tls_1_2_takes_exactly_the_suites_of_its_profile(mail: MailHost, port: int) -> None:
    """All that openssl knows is offered, then all but what the server took, until it takes none."""
    known = "ALL:COMPLEMENTOFALL:@SECLEVEL=0"
    taken: list[str] = []
    while one := chosen(mail, port, "-tls1_2", "-cipher", ":!".join([known, *taken])):
        assert one not in taken
        taken.append(one)
    text = mail.sites[0].chain if port == 443 else mail.tls_key
    key = pem.load_pem_private_key(text.encode(), None) if text else None  # ordered: ECDSA
    ours = key is None or isinstance(key, ec.EllipticCurvePrivateKey)
    assert set(taken) == {name for name in mail.suites(port) if ("-ECDSA-" in name) == ours}


@pytest.mark.parametrize("port", PORTS)
def test_tls_1_3_takes_the_suites_of_every_list(mail: MailHost, port: int) -> None:
    weak = ["TLS_AES_128_CCM_SHA256", "TLS_AES_128_CCM_8_SHA256"]
    offers = {name: chosen(mail, port, "-tls1_3", "-ciphersuites", name) for name in TLS_1_3 + weak}
    assert [name for name, taken in offers.items() if taken] == TLS_1_3


@pytest.mark.parametrize("port", PORTS)
def test_key_exchange_is_post_quantum_where_the_release_has_it(
    mail: MailHost, host: Host, port: int
) -> None:
    """Asked with the host's own openssl, since the operator's may be too old to ask."""
    ask = f"openssl s_client {' '.join(greeting(mail, port))}"
    said = host.run(f"{ask} -groups X25519MLKEM768 </dev/null 2>/dev/null")
    assert ("Cipher is TLS_" in said.stdout) == (mail.debian > 12)  # OpenSSL 3.0 has none
