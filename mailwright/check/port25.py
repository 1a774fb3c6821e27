"""What a host says and shows at port 25 (RFC 5321, RFC 3207)."""

from __future__ import annotations

import errno
import smtplib
import socket
import ssl
from dataclasses import dataclass

from cryptography import x509

TIMEOUT = 10.0  # seconds
_NO_ROUTE = (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)


@dataclass(frozen=True)
class Conversation:
    """A conversation with one address: the names in the greeting and in the reply to EHLO.

    `leaf` is the certificate after STARTTLS, None where there is no STARTTLS. `distrust` says why
    a client that checks certificates goes; it is empty where it stays.
    """

    banner: str
    ehlo: str
    leaf: x509.Certificate | None = None
    distrust: str = ""


def talk(ip: str, name: str) -> Conversation:
    """Talk to the host `name` at an address. Raises OSError, which smtplib's errors are as well."""
    try:
        return _talk(ip, name, ssl.create_default_context())
    except ssl.SSLCertVerificationError as error:
        anyone = ssl.create_default_context()
        anyone.check_hostname, anyone.verify_mode = False, ssl.CERT_NONE
        said = _talk(ip, name, anyone)
        return Conversation(said.banner, said.ehlo, said.leaf, error.verify_message)


def _talk(ip: str, name: str, context: ssl.SSLContext) -> Conversation:
    with smtplib.SMTP(timeout=TIMEOUT) as smtp:
        code, greeting = smtp.connect(ip, 25)
        if code != 220:
            raise smtplib.SMTPConnectError(code, greeting)
        smtp.ehlo_or_helo_if_needed()
        banner, ehlo = _word(greeting), _word(smtp.ehlo_resp or smtp.helo_resp or b"")
        if not smtp.has_extn("starttls"):
            return Conversation(banner, ehlo)
        code, reply = smtp.docmd("STARTTLS")
        if code != 220 or smtp.sock is None:
            raise smtplib.SMTPResponseException(code, reply)
        with context.wrap_socket(smtp.sock, server_hostname=name) as encrypted:
            smtp.sock = None
            raw = encrypted.getpeercert(binary_form=True)
    return Conversation(banner, ehlo, x509.load_der_x509_certificate(raw or b""))


def _word(said: bytes) -> str:
    return (said.decode("ascii", "replace").split() or [""])[0].rstrip(".").lower()


def has_no_route(error: OSError) -> bool:
    """Whether this machine cannot reach addresses of that kind at all."""
    return error.errno in _NO_ROUTE


def reason(error: OSError) -> str:
    """Why nobody talked to us, in a few words."""
    if isinstance(error, TimeoutError | socket.timeout):
        return "does not answer"
    if isinstance(error, ConnectionRefusedError):
        return "refuses connections"
    if isinstance(error, smtplib.SMTPResponseException):
        text = error.smtp_error
        words = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
        return f"answers {error.smtp_code} {words}"
    return f"breaks off ({error.strerror or error})"
