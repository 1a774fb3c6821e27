"""The services that mail programs use: their ports, how TLS starts there, what SRV calls them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ServiceName:
    """A service as SRV calls it, and the protocol of a mailbox; a lower `priority` is better."""

    name: str
    protocol: str
    what: str
    port: int
    priority: int
    source: str

    @property
    def is_implicit(self) -> bool:
        """Whether TLS is there from the start; otherwise STARTTLS brings it."""
        return self.name in ("_imaps", "_pop3s", "_submissions")


# TLS from the start is preferred (RFC 8314 section 3), and IMAP to POP3.
SERVICES = (
    ServiceName("_imaps", "imap", "IMAP", 993, 0, "RFC 8314 section 5.1"),
    ServiceName("_imap", "imap", "IMAP", 143, 10, "RFC 6186 section 3.2"),
    ServiceName("_pop3s", "pop3", "POP3", 995, 20, "RFC 8314 section 5.1"),
    ServiceName("_pop3", "pop3", "POP3", 110, 30, "RFC 6186 section 3.3"),
    ServiceName("_submissions", "submission", "submission", 465, 0, "RFC 8314 section 5.1"),
    ServiceName("_submission", "submission", "submission", 587, 10, "RFC 6186 section 3.1"),
    ServiceName("_sieve", "sieve", "ManageSieve", 4190, 0, "RFC 5804 section 1.8"),
)
