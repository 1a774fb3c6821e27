"""What an authority says of itself before anybody orders (RFC 8555 section 7.1.1)."""

from __future__ import annotations

from collections.abc import Iterator

from mailwright.inventory.load import Inventory
from mailwright.report.finding import Finding, Severity

_SECONDS = 10  # for its answer
BOUND = (
    "the authority issues to its own customers only (external account binding):"
    " say who you are there with eab_kid in [acme]"
)


def findings(inventory: Inventory) -> Iterator[Finding]:
    """Whether it would take the hosts' orders. What only the hosts reach is theirs to ask."""
    if inventory.acme is None or inventory.acme.eab_kid:
        return
    import requests  # takes a while to load

    try:
        said = requests.get(inventory.acme.directory, timeout=_SECONDS).json()
        is_bound = said.get("meta", {}).get("externalAccountRequired", False)
    except (requests.RequestException, ValueError, AttributeError):
        return
    if is_bound:
        subject, why = f"authority {inventory.acme.directory}", "no certificate is ordered"
        yield Finding(subject, "eab_kid", Severity.ERROR, BOUND, why)
