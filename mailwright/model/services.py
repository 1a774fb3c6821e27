"""The services of a mail host: their ports, how TLS starts there, and what others call them."""

from __future__ import annotations

from dataclasses import dataclass

# Each protocol of a mailbox, and what Dovecot calls the service that asks for a login with it:
# Postfix, which does submission, asks as "smtp".
LOGINS = {"imap": "imap", "pop3": "pop3", "submission": "smtp", "sieve": "sieve"}
PROTOCOLS = tuple(LOGINS)


@dataclass(frozen=True)
class Listener:
    """A TCP port that is open to the world, the service behind it and why it is open.

    `service` is IANA's name, which SRV has with a `_` before it. `starttls` is openssl's word for
    how TLS starts (openssl-s_client(1), -starttls), empty where it does with the connection, and
    None where the host's certificate is not shown. A service that mail programs use has the
    `protocol` of a mailbox, the name `what` for people, the `priority` of its SRV record (lower is
    better) and the `source` for that.
    """

    port: int
    service: str
    why: str
    starttls: str | None = None
    protocol: str = ""
    what: str = ""
    priority: int = 0
    source: str = ""

    @property
    def is_implicit(self) -> bool:
        """Whether TLS is there from the start; otherwise STARTTLS brings it."""
        return self.starttls == ""


MAIL = (
    Listener(25, "smtp", "mail from other servers (RFC 5321)", "smtp"),
    Listener(
        465, "submissions", "mail from clients, TLS from the start (RFC 8314)",
        "", "submission", "submission", 0, "RFC 8314 section 5.1",
    ),
    Listener(
        587, "submission", "mail from clients, after STARTTLS (RFC 6409)",
        "smtp", "submission", "submission", 10, "RFC 6186 section 3.1",
    ),
    Listener(
        993, "imaps", "mailboxes, TLS from the start (RFC 8314)",
        "", "imap", "IMAP", 0, "RFC 8314 section 5.1",
    ),
    Listener(
        143, "imap", "mailboxes, after STARTTLS (RFC 9051)",
        "imap", "imap", "IMAP", 10, "RFC 6186 section 3.2",
    ),
    Listener(
        995, "pop3s", "mailboxes over POP3, TLS from the start (RFC 8314)",
        "", "pop3", "POP3", 20, "RFC 8314 section 5.1",
    ),
    Listener(
        110, "pop3", "mailboxes over POP3, after STLS (RFC 2595)",
        "pop3", "pop3", "POP3", 30, "RFC 6186 section 3.3",
    ),
    Listener(
        4190, "sieve", "a user's filters, after STARTTLS (RFC 5804)",
        "sieve", "sieve", "ManageSieve", 0, "RFC 5804 section 1.8",
    ),
)  # fmt: skip
HTTP = Listener(80, "http", "challenges of certificate authorities (RFC 8555 section 8.3)")
HTTPS = Listener(443, "https", "MTA-STS policies and the settings of mail programs (RFC 8461)")

# Where the services of a host meet, on its loopback only: what a mailbox's Sieve script sends goes
# to Postfix by the first, and what it forwards comes back to it by the second, with its new sender.
LOCAL = {
    **{"scripts": 10026, "forwarded": 10025, "srs": 10001, "srs-reverse": 10002},
    **{"tls-policy": 8462, "mta-sts": 8461},
}
PORTS = {each.service: each.port for each in (*MAIL, HTTP, HTTPS)} | LOCAL

# What mail programs use, the preferred first: IMAP to POP3, and TLS from the start to STARTTLS
# (RFC 8314 section 3).
CLIENT = tuple(
    sorted(
        (each for each in MAIL if each.protocol),
        key=lambda each: (PROTOCOLS.index(each.protocol), each.priority),
    )
)
