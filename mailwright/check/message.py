"""A message that was delivered somewhere: its DKIM signatures, and what its receiver thought."""

from __future__ import annotations

import email
import email.policy
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import dkim as dkimpy
import dns.exception

from mailwright.dns.purposes import dkim
from mailwright.dns.record import Record
from mailwright.model import address, tag_list
from mailwright.model.problems import Invalid
from mailwright.net.resolver import Resolver
from mailwright.report.finding import Finding, Severity

_WHY = "Receivers judge a message by the signature of the domain in From (RFC 9989 section 4.4)."

_EXPECTED = "a message as it was delivered, with one address in From"


@dataclass(frozen=True)
class Signature:
    """A DKIM-Signature header; `fault` says why it does not verify, and is empty where it does."""

    domain: str
    selector: str
    algorithm: str
    fault: str

    @property
    def name(self) -> str:
        """Where its key is published."""
        return f"{self.selector}._domainkey.{self.domain}"

    def __str__(self) -> str:
        return f"signature {self.name} ({self.algorithm}): {self.fault or 'verifies'}"


@dataclass(frozen=True)
class Message:
    """The domain that From names, the signatures, and the Authentication-Results (RFC 8601)."""

    domain: str
    signatures: tuple[Signature, ...]
    results: tuple[str, ...]

    @classmethod
    def read(cls, path: Path, resolver: Resolver) -> Message:
        """Read a file as it was delivered, and verify it. Raises Invalid where it is no message."""
        raw = path.read_bytes()
        try:
            signed = dkimpy.DKIM(raw)
            parsed = email.message_from_bytes(raw, policy=email.policy.default)
            author = _author(parsed)
        except dkimpy.MessageFormatError as error:
            raise Invalid(None, f"is no message: {error}", _EXPECTED) from None
        except Exception:  # the libraries stumble over odd headers, each time otherwise
            raise Invalid(None, "is no message", _EXPECTED) from None
        plain = email.message_from_bytes(raw, policy=email.policy.compat32)
        headers = map(str, plain.get_all("DKIM-Signature", []))
        signatures = [_signature(signed, i, header, resolver) for i, header in enumerate(headers)]
        results = (" ".join(str(h).split()) for h in plain.get_all("Authentication-Results", []))
        return cls(author, tuple(signatures), tuple(results))

    def lines(self) -> list[str]:
        """For people."""
        lines = [f"From: {self.domain}", *map(str, self.signatures)]
        return lines + [f"Authentication-Results: {result}" for result in self.results]

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "domain": self.domain,
            "signatures": [vars(signature) for signature in self.signatures],
            "authentication_results": list(self.results),
        }


def _author(parsed: EmailMessage) -> str:
    """The domain of the one author. Raises Invalid, and whatever the library does not foresee."""
    headers = parsed.get_all("From", [])
    names = [each.domain for header in headers for each in header.addresses]
    return address.domain(names[0] if len(names) == len(headers) == 1 else "")


def _signature(signed: Any, index: int, header: str, resolver: Resolver) -> Signature:
    tags = tag_list.tags(header)

    def published(name: bytes, timeout: float = 0) -> bytes | None:
        try:
            reply = resolver.ask(name.decode(), "TXT")
        except (dns.exception.DNSException, UnicodeDecodeError):  # no name
            return None
        return reply.values[0].encode() if reply.values else None

    try:
        is_right = signed.verify(idx=index, dnsfunc=published)
        fault = "" if is_right else "does not verify"
    except (dkimpy.DKIMException, ValueError) as error:
        fault = f"does not verify ({error})"
    domain, selector = (tags.get(name, "").rstrip(".").lower() for name in ("d", "s"))
    return Signature(domain, selector, tags.get("a", ""), fault)


def findings(message: Message, ours: dict[str, Record], resolver: Resolver) -> Iterator[Finding]:
    """What is wrong with the signatures of its domain. `ours` are our DKIM records, by name."""
    own = [each for each in message.signatures if each.domain == message.domain]
    subject = f"message {message.domain}"
    if not own:
        what = f"has no signature of {message.domain}"
        yield Finding(subject, "unsigned", Severity.ERROR, what, _WHY)
    for signature in own:
        record = ours.get(f"{signature.name}.")
        if signature.fault:
            what = str(signature)
            yield Finding(subject, f"invalid {signature.selector}", Severity.ERROR, what, _WHY)
        if record is None:
            what = f"signature {signature.name}: the key is none of the inventory's"
            yield Finding(subject, f"stranger {signature.selector}", Severity.ERROR, what, _WHY)
        elif fault := _difference(record, resolver):
            lines = tuple(f"{record.name} {record.ttl} IN TXT {data}" for data in record.data)
            yield Finding(record.id, "changed", Severity.ERROR, fault, record.why, lines)


def _difference(record: Record, resolver: Resolver) -> str:
    """How the published key differs from the one on the disk; one that is missing is no other."""
    values = resolver.ask(record.name, "TXT").values
    return dkim.difference(values[0], record.values[0]) if values else ""
