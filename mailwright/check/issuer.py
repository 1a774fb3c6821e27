"""Whether CAA lets the authority of a host issue its next certificate (RFC 8659, RFC 8657)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from cryptography import x509
from cryptography.x509.oid import NameOID

from mailwright.model.acme import AUTHORITIES
from mailwright.model.host import MailHost
from mailwright.model.problems import shown
from mailwright.net.resolver import Resolver
from mailwright.report.finding import Finding, Severity

# Properties of RFC 8659, RFC 9495 and the CA/Browser Forum's Baseline Requirements (appendix A).
_KNOWN = {
    *(b"issue", b"issuewild", b"iodef", b"issuemail", b"issuevmc"),
    *(b"contactemail", b"contactphone"),
}
_CRITICAL = 128

CaaLookUp = Callable[[str], Sequence[Any]]


@dataclass(frozen=True)
class Order:
    """What is asked of an authority: by which names CAA knows it, how, and from which account.

    `method` and `account` are empty where we do not know them, and are not judged then.
    """

    issuers: Sequence[str]
    method: str = ""
    account: str = ""


def by_host(host: MailHost) -> Order | None:
    """How the host orders its own certificate; None where it does not, or nobody knows where."""
    if not (host.acme and host.acme.issuers and host.tls_keys):
        return None
    return Order(host.acme.issuers, "http-01", host.acme_account or "")


def of(leaf: x509.Certificate) -> Order | None:
    """The next order of whoever has this certificate; None from an authority we do not know."""
    names = [str(a.value) for a in leaf.issuer if a.oid == NameOID.ORGANIZATION_NAME]
    return next((Order(each.issuers) for each in AUTHORITIES if each.name in names[:1]), None)


def refusal(order: Order, name: str, look_up: CaaLookUp) -> str:
    """Why a certificate for `name`, which is no wildcard, will be refused; empty if it is not.

    `look_up` gives the CAA data at a name.
    """
    found = nearest(name, look_up)
    strange = {i.tag for i in found if i.flags & _CRITICAL and i.tag.lower() not in _KNOWN}
    if strange:
        names = " and ".join(sorted(shown(tag.decode()) for tag in strange))
        return f"{names} is critical in CAA and unknown, so no authority may issue"
    issues = [_said(item.value) for item in found if item.tag.lower() == b"issue"]
    own = [parameters for name, parameters in issues if name in order.issuers]
    if not issues or any(_admits(parameters, order) for parameters in own):
        return ""
    if own:
        whole = "; ".join(f"{key}={value}" for key, value in own[0].items())
        return f"{order.issuers[0]} may issue only with {whole}"
    others = " and ".join(sorted({name for name, _ in issues if name})) or "nobody"
    return f"the next certificate is ordered from {order.issuers[0]}, and only {others} may issue"


def findings(host: MailHost, order: Order, resolver: Resolver) -> Iterator[Finding]:
    """That the next certificate of a host will be refused."""
    if what := refusal(order, host.name, lambda name: resolver.ask(f"{name}.", "CAA").rdatas):
        why = "The next certificate will be refused (RFC 8659)."
        yield Finding(f"caa {host.name}", "issuer", Severity.WARNING, what, why)


def nearest(name: str, look_up: CaaLookUp) -> Sequence[Any]:
    """The CAA data that counts for a name: the nearest above it (section 3)."""
    labels = name.split(".")
    above = (".".join(labels[start:]) for start in range(len(labels)))
    return next(filter(None, map(look_up, above)), ())


def _said(value: bytes) -> tuple[str, dict[str, str]]:
    """The authority and the parameters of a property (section 4.2)."""
    name, *parameters = (part.strip() for part in value.decode("ascii", "replace").split(";"))
    pairs = (each.partition("=") for each in parameters if each)
    return name.lower(), {key.strip().lower(): value.strip() for key, _, value in pairs}


def _admits(parameters: dict[str, str], order: Order) -> bool:
    """Whether the parameters are those of our order (RFC 8657 sections 3 and 4)."""
    methods = parameters.get("validationmethods", order.method).lower().split(",")
    is_how = not order.method or order.method in [method.strip() for method in methods]
    account = parameters.get("accounturi", order.account)
    return is_how and (not order.account or account == order.account)
