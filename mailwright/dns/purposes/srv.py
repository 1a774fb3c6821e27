"""SRV: where a mail program finds the services of a domain, and which there are not (RFC 6186)."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from mailwright.model.services import CLIENT, Listener

NOT_OFFERED = "0 0 0 ."  # RFC 6186 section 3.4


def values(offered: Collection[str], target: str) -> Iterator[tuple[Listener, str]]:
    """Each service with the data of its record: at `target`, or not offered."""
    for service in CLIENT:
        here = f"{service.priority} 1 {service.port} {target}."
        yield service, here if service.protocol in offered else NOT_OFFERED
