"""Ways to write who a letter is from, by families; and who each reader says that it is from.

As a program it submits them: `python -m tests.lab.spellings`, inside the lab.
"""

import base64
import imaplib
import json
import re
import smtplib
import sys
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.utils import getaddresses, parseaddr
from itertools import product

from tests.host.letters import Account, eventually, literal

STRANGER = "ceo@bank.example"
Fields = list[tuple[str, str]]


def _q(text: str, charset: str = "utf-8") -> str:
    """An encoded word with each octet in hexadecimal (RFC 2047 section 4.2)."""
    return f"=?{charset}?q?{''.join(f'={octet:02X}' for octet in text.encode(charset))}?="


def _b(text: str, charset: str = "utf-8") -> str:
    return f"=?{charset}?b?{base64.b64encode(text.encode(charset)).decode()}?="


def _froms(me: str, other: str) -> Iterator[str]:
    local, _, domain = me.partition("@")
    # A second address where a name should be, and lists.
    for gap in ("", " ", "\t", ",", ", ", ";", ":", ".", "/", "\r\n ", " , , "):
        yield f"{other}{gap}<{me}>"
    yield from (f"{me}, {other}", f"{other}, {me}", f"{me} {other}", f"{me}; {other}")
    yield from (f"{me},", f",{me}", f"{me},,{me}", "", " ", "\r\n \r\n ")
    yield ", ".join([me] * 11)
    yield ", ".join([*[me] * 1024, other])
    yield f"{'x' * 3000} <{me}>"
    # Comments, groups, angle brackets.
    yield from (f"({other}) {me}", f"{me} ({other})", f"{me}({other})", f"({other} {me}", f"{me})")
    yield from (f"(a(b){other}) {me}", f"{local}({other})@{domain}", f"{local}@({other}){domain}")
    yield from (f"A ({other}) <{me}>", rf"(\) {other}, ( ) {me}", f"{other}(<{me}>)", f"(){me}")
    yield from (f"us: {me};", f"us: {other}, {me};", "nobody:;", f"{me}: {other};", f"us:{me}")
    yield from (f"<{other}> <{me}>", f"<{me}> <{other}>", f"<{me}><{other}>", f"<{other}<{me}>>")
    yield from (f"<{me}", f"{me}>", f"<<{me}>>", f"< {me}>", f"<{me} >", "<>", f"{me} <>")
    yield from (f"<@{domain}:{me}>", f"<@bank.example:{me}>", f"<{me},{other}>", f"<{me}> {other}")
    yield from (f"<{me}>x", f"<{other}> {me}", f"[{other}] <{me}>", f"{me} <{other}>")
    # Quoted strings.
    yield from (f'"a" {other} <{me}>', f'"a"{other}"b" <{me}>', f'"<{other}>" <{me}>')
    yield from (f'"{other}, a" <{me}>', f'"a, {other}" <{me}>', rf"\"{other} <{me}>", f'"a <{me}>')
    yield from (f'"a"b" <{me}>', rf'"a\" <{other}>, " <{me}>', f'"a\\" <{me}>', f'a"b"c <{me}>')
    yield from (f'"{local}"@{domain}', f'"{me}"@bank.example', rf'"a\b" <{me}>')
    # Encoded words that hide an address, or are none.
    for text, word in product(
        (f"{other},", f"<{other}>", f'"{other}"', other, "\0", "\r\n"), (_q, _b)
    ):
        yield f"{word(text)} <{me}>"
    yield _q('x"') + f" {other} <{me}>"
    yield from (f"{_b(f'<{other}>', name)} <{me}>" for name in ("utf-7", "utf-16", "utf-32"))
    yield from (f"=?{name}?q?a?= <{me}>" for name in ("iso-2022-jp", "hz-gb-2312", "x", "utf-7"))
    yield from (f"{_q(local)}@{domain}", f"<{_q(me)}>", _q(me), f'"{_q(other)}" <{me}>')
    yield from (
        f"{text} <{me}>" for text in ("=?utf-8?q?a b?=", "=?utf-8?x?a?=", "=?utf-8?q?=ZZ?=")
    )
    yield from (
        f"{text} <{me}>" for text in ("=?utf-8?b?a?=", "=?utf-8?q?a", "=?utf-8?q??=", "a=?")
    )
    yield from (f"{_q('a')}{_q('b')} <{me}>", f"a{_q('b')} <{me}>", _q("a") + f'"b" <{me}>')
    # Control characters and marks; what is no UTF-8, and marks that turn text around.
    yield from (f"a{sign}b <{me}>" for sign in "\0\r\1\7\b\v\f\x1b\x7f\x85\u202e\u2028\u2066\x9f")
    yield from (f"{local}{sign}@{domain}" for sign in "\0\r\1\7\v\x7fé\uff20")
    # Addresses that are not ours, or not addresses.
    yield from (
        f"{me}.",
        f"{local}@[198.51.100.10]",
        f"{local}@a..{domain}",
        f"{local}..x@{domain}",
    )
    yield from (
        f".{me}",
        f"{local}.@{domain}",
        f"{local} @{domain}",
        f"{local}@ {domain}",
        f"@{me}",
    )
    yield from (f"{local}+@tiny@{domain}", f"{local}%bank.example@{domain}", f"bank.example!{me}")
    yield from (
        f"{me}@bank.example",
        f"{other}@{domain}",
        f"{me}/bank",
        f"{me}\\",
        f"{me}\r\n .com",
    )
    yield from (other, f"<{other}>", local, domain, f"-{me}", f"{local}@-{domain}")


def doubtful(me: str, other: str = STRANGER) -> Iterator[bytes]:
    """Headers that two programs could read as from two authors, one of them another or nobody."""
    for value in _froms(me, other):
        yield _block([("From", value)])
    yield _block([("From", f"J\udcfcrgen <{me}>")])  # Latin-1
    yield _block([("From", f"a\udcc0\udcbc <{me}>")])  # two octets for <
    for name in ("From", "FROM", "from", "From "):
        yield _block([("From", me), (name, other)])
        yield _block([(name, other), ("From", me)])
    yield _block([("From", me), ("From", me)])
    for name in ("Sender", "Resent-From", "Resent-Sender"):
        for value in (other, f"{other} <{me}>", f"{me}, {other}", f"us: {me};"):
            yield _block([("From", me), (name, value)])
    yield _block([("From", me), ("Sender", f"{me}, {me}")])
    yield _block([("From", me), ("Sender", me), ("Sender", me)])


def sound(me: str) -> Iterator[bytes]:
    """Headers that everybody reads as from `me`."""
    local, _, domain = me.partition("@")
    names: tuple[str, ...] = (
        "Alice",
        "A. B. Cole-O'Neil",
        '"Cole, Alice"',
        f'"{STRANGER}"',
        r'"A \"B\" C"',
        "Jürgen",
    )
    names += (_q("Jürgen, J."), _b("Jürgen"), f"{_q('a')} {_b('b')}", f"{_q('a')}\r\n {_q('b')} c")
    names += (
        "=?iso-8859-1?q?J=FCrgen?=",
        "=?windows-1252?B?SvxyZ2Vu?=",
        '"日本, 語"',
        '""',
        "1 a!b",
    )
    for name in names:
        yield _block([("From", f"{name} <{me}>")])
    for value in (me, f"<{me}>", f"A<{me}>", f'"A"<{me}>', me.upper(), f"\r\n {me}", f"\t{me} "):
        yield _block([("From", value)])
    yield _block([("From", f"{local}+notes@{domain}")])
    yield _block([("From", f"{me}, A <{me}>,\r\n {local}+x@{domain}")])
    yield _block([("From", ", ".join([me] * 10))])
    yield _block([("Reply-To", STRANGER), ("From", me), ("Sender", f"A <{me}>")])
    yield _block([("From", me), ("Resent-From", me), ("Resent-Sender", me), ("Resent-From", me)])
    yield _block([])  # Postfix writes the sender's own


def _block(fields: Fields) -> bytes:
    text = "".join(f"{name}: {value}\r\n" for name, value in fields)
    return text.encode(errors="surrogateescape")


def authors(header: bytes) -> dict[str, set[str]]:
    """What Python's parsers, old and new, strict and lax, find in From; also after decoding it."""
    new, old = (message_from_bytes(header, policy=each) for each in (policy.SMTP, policy.compat32))
    lines = [str(value) for value in old.get_all("From", [])]
    decoded = [str(make_header(decode_header(value))) for value in lines]
    found = {
        "email.policy": [a.addr_spec for value in new.get_all("From", []) for a in value.addresses],
        "getaddresses": [address for _, address in getaddresses(lines)],
        "parseaddr": [parseaddr(value)[1] for value in lines],
        "getaddresses, decoded": [address for _, address in getaddresses(decoded)],
        "parseaddr, decoded": [parseaddr(value)[1] for value in decoded],
    }
    return {reader: {address.lower() for address in seen} for reader, seen in found.items()}


_STRING = rb'(?:NIL|"(?:[^"\\]|\\.)*")'
_ADDRESS = rb"\(" + _STRING + b" " + _STRING + rb" (" + _STRING + rb") (" + _STRING + rb")\)"
_FROM = re.compile(rb"ENVELOPE \(" + _STRING + b" " + _STRING + rb" \((" + _ADDRESS + rb")+\)")


def envelope(said: bytes) -> set[str]:
    """Who From has in an answer to FETCH ENVELOPE (RFC 9051 section 7.5.2); nobody for NIL."""
    found = _FROM.search(said)
    senders = re.findall(_ADDRESS, found.group()) if found else []
    return {b"@".join(part.strip(b'"') for part in each).decode().lower() for each in senders}


def quoted(literal: tuple[bytes, bytes]) -> bytes:
    """What imaplib has split at a literal, with a quoted string in its place."""
    before, text = literal
    return re.sub(rb"{\d+}$", b"", before) + b'"' + re.sub(rb'(["\\])', rb"\\\1", text) + b'"'


def submit(author: Account, headers: list[bytes], readers: list[str]) -> list[int]:
    """The answers to letters with these headers. After some refusals Postfix becomes slow."""
    codes = []
    for start in range(0, len(headers), 9):
        with author.smtp() as client:
            for number, header in enumerate(headers[start : start + 9], start):
                text = header + f"Subject: spelling {number}\r\n\r\nHello.\r\n".encode()
                try:
                    client.sendmail(author.address, readers, text)
                    codes.append(250)
                except smtplib.SMTPDataError as refused:
                    codes.append(refused.smtp_code)
    return codes


def received(reader: Account, count: int) -> list[tuple[str, list[str]]]:
    """The header of each such letter and whom ENVELOPE calls its author; they are removed.

    Some look like spam.
    """

    def look() -> list[tuple[str, list[str]]] | None:
        with reader.imap() as client:
            found = [each for folder in ("INBOX", "Junk") for each in shown(client, folder)]
        return found if len(found) >= count else None

    letters = eventually(look, f"{count} letters for {reader.address}", 60)
    with reader.imap() as client:
        for folder in ("INBOX", "Junk"):
            if found := numbers(client, folder):
                client.store(",".join(found), "+FLAGS", r"(\Deleted)")
                client.expunge()
    return letters


def shown(client: imaplib.IMAP4, folder: str) -> Iterator[tuple[str, list[str]]]:
    for number in numbers(client, folder):
        header = literal(client, number, "(BODY.PEEK[HEADER])")
        said = [part for part in client.fetch(number, "(ENVELOPE)")[1] if part is not None]
        flat = b"".join(part if isinstance(part, bytes) else quoted(part) for part in said)
        yield header.decode("latin-1"), sorted(envelope(flat))


def numbers(client: imaplib.IMAP4, folder: str) -> list[str]:
    """Of the letters in a folder that may not be there."""
    if client.select(folder)[0] != "OK":
        return []
    return str(client.search(None, "SUBJECT", "spelling")[1][0].decode()).split()


if __name__ == "__main__":
    wanted = json.load(sys.stdin)
    author, reader = Account(**wanted["author"]), Account(**wanted["reader"])
    wrong, right = [*doubtful(author.address)], [*sound(author.address)]
    codes = submit(author, [*wrong, *right], [author.address, reader.address])
    found = [received(each, codes.count(250)) for each in (author, reader)]
    print(json.dumps({"codes": [codes[: len(wrong)], codes[len(wrong) :]], "found": found}))
