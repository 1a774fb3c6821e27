"""The certificate, as clients see it."""

import socket
import ssl

import pytest
from cryptography import x509
from testinfra.host import Host

from mailwright.host import MailHost


@pytest.mark.parametrize("port", [465, 993, 995])
def test_the_certificate_is_valid_for_the_name(mail: MailHost, port: int) -> None:
    context = ssl.create_default_context()
    with (
        socket.create_connection((mail.name, port), timeout=10) as plain,
        context.wrap_socket(plain, server_hostname=mail.name) as tls,
    ):
        served = x509.load_der_x509_certificate(tls.getpeercert(binary_form=True) or b"")
    assert served == x509.load_pem_x509_certificates(mail.tls_chain.encode())[0]


@pytest.mark.parametrize("port", [465, 993, 995])
def test_old_tls_is_refused(mail: MailHost, port: int) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    with (
        socket.create_connection((mail.name, port), timeout=10) as plain,
        pytest.raises(ssl.SSLError),
    ):
        context.wrap_socket(plain, server_hostname=mail.name)


def test_only_root_reads_the_private_key(host: Host) -> None:
    chain = host.file("/etc/mailwright/tls/mail.pem")
    assert (chain.user, chain.group, chain.mode) == ("root", "root", 0o600)
