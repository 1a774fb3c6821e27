"""Answers Postfix how a domain wants to be reached (socketmap_table(5)): DANE before MTA-STS.

Debian's mta-sts-daemon says `secure` for each domain whose MTA-STS policy enforces, and Postfix
then never looks for TLSA records: the certificate of any authority would pass where DANE fails.
RFC 8461 section 2 forbids that. So whoever has both is `dane-only` here. All others get
mta-sts-daemon's answer; without a policy that is none, and main.cf's level holds.
"""

import asyncio
import tomllib
from pathlib import Path
from typing import Any

import dns.asyncresolver
import dns.exception
import dns.flags
import dns.resolver

# Where Postfix asks, and where the resolver and mta-sts-daemon are asked.
SETTINGS = Path("/etc/mailwright/tls-policy/settings.toml")
SECONDS = 20  # mta-sts-daemon gives up sooner

loopback, mta_sts_port = "", 0
resolver = dns.asyncresolver.Resolver(configure=False)
resolver.lifetime = SECONDS
resolver.set_flags(dns.flags.RD | dns.flags.AD)


async def policy(domain: str) -> str:
    """The answer for one domain: OK, NOTFOUND or TEMP."""
    # A parent, or a host that an administrator named: neither has a policy.
    if domain.startswith((".", "[")):
        return "NOTFOUND "
    try:
        sts = await asyncio.wait_for(mta_sts(domain), SECONDS)
        answer = "OK dane-only" if sts.startswith("OK ") and await has_dane(domain) else sts
    except dns.exception.DNSException as error:
        answer = f"TEMP no word on TLSA: {error}"
    except (TimeoutError, OSError, EOFError, ValueError) as error:
        answer = f"TEMP mta-sts-daemon (postfix-mta-sts-resolver) does not answer: {error}"
    if not answer.startswith("NOTFOUND"):
        print(f"{domain}: {answer}", flush=True)
    return answer


async def mta_sts(domain: str) -> str:
    """What mta-sts-daemon answers."""
    reader, writer = await asyncio.open_connection(loopback, mta_sts_port)
    try:
        writer.write(netstring(f"postfix {domain}"))
        return await read_netstring(reader)
    finally:
        writer.close()


async def has_dane(domain: str) -> bool:
    """Whether any of the domain's mail servers has TLSA records that count.

    An MX record that is not signed leads to no name that could be trusted; there MTA-STS says more
    (RFC 7672 section 2.2.1).
    """
    exchangers = await lookup(domain, "MX")
    if exchangers and not is_secure(exchangers):
        return False
    names = [record.exchange.to_text() for record in exchangers] if exchangers else [domain]
    return any(await asyncio.gather(*map(has_tlsa, names)))


async def has_tlsa(server: str) -> bool:
    """RFC 7672 section 2.2.2.

    Addresses are secure, and so is a TLSA record at the end of the alias or at the name itself.
    """
    addresses = [await lookup(server, kind) for kind in ("A", "AAAA")]
    bases = {found.canonical_name.to_text() for found in addresses if found and is_secure(found)}
    names = bases | {server} if bases else set()
    found = [await lookup(f"_25._tcp.{name}", "TLSA") for name in names]
    secure = [answer for answer in found if answer and is_secure(answer)]
    return any(is_usable(record) for answer in secure for record in answer)


def is_usable(record: Any) -> bool:
    """RFC 7672 section 3.1: DANE-TA or DANE-EE; Postfix takes no others."""
    return record.usage in (2, 3) and record.selector in (0, 1) and record.mtype in (0, 1, 2)


def is_secure(answer: dns.resolver.Answer) -> bool:
    """Whether the resolver has validated it."""
    return bool(answer.response.flags & dns.flags.AD)


async def lookup(name: str, kind: str) -> dns.resolver.Answer | None:
    """The answer, or None where there is no such record; every failure to find out is raised."""
    try:
        return await resolver.resolve(name, kind)
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return None


def netstring(text: str) -> bytes:
    """As the protocol has it."""
    return b"%d:%s," % (len(text.encode()), text.encode())


async def read_netstring(reader: asyncio.StreamReader) -> str:
    """The next one; of one that is too long only the beginning."""
    size = int((await reader.readuntil(b":"))[:-1])
    text = await reader.readexactly(min(size, 100_000) + 1)
    return text[:-1].decode()


async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One client, as long as it asks."""
    try:
        while True:
            _, _, domain = (await read_netstring(reader)).partition(" ")
            writer.write(netstring(await policy(domain)))
            await writer.drain()
    except (OSError, EOFError, ValueError, asyncio.LimitOverrunError):
        pass
    finally:
        writer.close()


async def main() -> None:
    """Answer for ever."""
    global loopback, mta_sts_port
    settings = tomllib.loads(SETTINGS.read_text())
    loopback, mta_sts_port = settings["loopback"], settings["mta_sts_port"]
    resolver.nameservers = [loopback]
    server = await asyncio.start_server(converse, loopback, settings["port"])
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
