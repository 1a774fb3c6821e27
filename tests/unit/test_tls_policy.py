"""mailwright-tls-policy, a program on a host: what needs no resolver and no mta-sts-daemon."""

import asyncio

import pytest
from dns.rdata import Rdata, from_text

from programs.tls_policy import is_usable, netstring, policy, read_netstring


def tlsa(text: str) -> Rdata:
    return from_text("IN", "TLSA", f"{text} {'ab' * 32}")


@pytest.mark.parametrize("domain", [".example.com", "[mail.example.com]", "[192.0.2.1]:26"])
def test_a_parent_or_a_host_that_somebody_named_has_no_policy(domain: str) -> None:
    assert asyncio.run(policy(domain)) == "NOTFOUND "


@pytest.mark.parametrize("text", ["3 1 1", "2 0 1", "3 0 0"])
def test_dane_counts(text: str) -> None:
    assert is_usable(tlsa(text))


@pytest.mark.parametrize("text", ["0 0 1", "1 1 1", "3 2 1", "3 1 3"])
def test_what_postfix_would_not_take_does_not(text: str) -> None:
    """RFC 7672 section 3.1.3: PKIX-TA and PKIX-EE are nothing for mail."""
    assert not is_usable(tlsa(text))


def test_a_question_is_read_as_it_was_written() -> None:
    async def read(octets: bytes) -> str:
        reader = asyncio.StreamReader()
        reader.feed_data(octets)
        reader.feed_eof()
        return await read_netstring(reader)

    assert netstring("postfix bücher.example") == b"23:postfix b\xc3\xbccher.example,"
    assert asyncio.run(read(netstring("postfix bücher.example"))) == "postfix bücher.example"
    with pytest.raises(ValueError):
        asyncio.run(read(b"x:,"))
