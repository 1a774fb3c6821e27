"""One connection to a name server (RFC 7766), and signatures on what goes both ways (RFC 8945)."""

from __future__ import annotations

import socket
import struct
from contextlib import suppress
from io import BufferedRWPair

import dns.exception
import dns.message
import dns.rcode
from dns.message import Message

TIMEOUT = 20.0  # seconds for one message


class Unsigned(dns.exception.DNSException):
    """An answer that anybody may have written."""


class Session:
    """Is made with the first message; one that the server has closed meanwhile is made anew."""

    def __init__(self, address: str, port: int) -> None:
        self._where = address, port
        self._stream: BufferedRWPair | None = None

    def ask(self, message: Message) -> Message:
        """The answer; to a signed message only a signed one, or an error.

        Raises OSError, EOFError, DNSException.
        """
        if self._stream:
            with suppress(ConnectionError, EOFError):
                return self._exchanged(message)
        connection = socket.create_connection(self._where, TIMEOUT)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._stream = connection.makefile("rwb")
        return self._exchanged(message)

    def _exchanged(self, message: Message) -> Message:
        assert self._stream
        try:
            self._stream.write(message.to_wire(prepend_length=True))
            self._stream.flush()
            (length,) = struct.unpack("!H", self._bytes(2))
            return _read(message, self._bytes(length))
        except (OSError, EOFError):
            self._stream.close()
            self._stream = None
            raise

    def _bytes(self, count: int) -> bytes:
        assert self._stream
        found = self._stream.read(count)
        if len(found) < count:
            raise EOFError
        return found


def _read(message: Message, wire: bytes) -> Message:
    """Servers do not sign that they refuse to serve a zone."""
    try:
        return dns.message.from_wire(wire, keyring=message.keyring, request_mac=message.mac)
    except dns.exception.FormError:
        reply = dns.message.from_wire(wire, keyring=False)
        if reply.rcode() == dns.rcode.NOERROR:
            raise Unsigned from None
        return reply
