"""What the web server tells mail programs, read as they read it, and used to log in."""

import http.client
import imaplib
import plistlib
import poplib
import smtplib
import ssl
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import quote
from xml.etree import ElementTree

from tests.host.letters import TIMEOUT, smtp

_AUTODISCOVER = "{http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a}"
_ACCOUNT_TYPES = {"imap": "EmailTypeIMAP", "pop3": "EmailTypePOP"}
_QUESTION = """<?xml version="1.0" encoding="utf-8"?>
<Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006">
<Request><EMailAddress>{address}</EMailAddress>
<AcceptableResponseSchema>
http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a
</AcceptableResponseSchema></Request></Autodiscover>"""


@dataclass(frozen=True)
class Server:
    """One server that a mail program was told of; `security` is SSL or STARTTLS."""

    protocol: str
    host: str
    port: int
    security: str
    username: str

    def refusal(self, password: str) -> str:
        """The words with which it refuses the login; empty when it lets the user in."""
        login = {"imap": self._imap, "pop3": self._pop3, "smtp": self._smtp}[self.protocol]
        try:
            login(password, ssl.create_default_context())
        except (imaplib.IMAP4.error, poplib.error_proto, smtplib.SMTPException) as error:
            return str(error) or "refused"
        return ""

    def _imap(self, password: str, context: ssl.SSLContext) -> None:
        client: imaplib.IMAP4
        if self.security == "SSL":
            client = imaplib.IMAP4_SSL(self.host, self.port, ssl_context=context, timeout=TIMEOUT)
        else:
            client = imaplib.IMAP4(self.host, self.port, timeout=TIMEOUT)
            client.starttls(context)
        with client:
            client.login(self.username, password)
            assert client.select("INBOX", readonly=True)[0] == "OK"

    def _pop3(self, password: str, context: ssl.SSLContext) -> None:
        client: poplib.POP3
        if self.security == "SSL":
            client = poplib.POP3_SSL(self.host, self.port, context=context, timeout=TIMEOUT)
        else:
            client = poplib.POP3(self.host, self.port, timeout=TIMEOUT)
            client.stls(context)
        client.user(self.username)
        client.pass_(password)
        client.quit()

    def _smtp(self, password: str, context: ssl.SSLContext) -> None:
        is_tls = self.security == "SSL"
        with smtp(self.host, self.port, context if is_tls else None) as client:
            if not is_tls:
                client.starttls(context=context)
            client.login(self.username, password)


@dataclass(frozen=True)
class Answer:
    """What a web server said: its status, its header fields by lower-case name, and its body."""

    status: int
    fields: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()


def get(
    name: str, path: str, method: str = "GET", body: str | None = None, host: str = ""
) -> Answer:
    """Ask the web server called `name` over HTTPS, whose certificate must be right.

    `host` stands in the field of that name where it is to differ.
    """
    client = http.client.HTTPSConnection(
        name, timeout=TIMEOUT, context=ssl.create_default_context()
    )
    fields = {"Host": host} if host else {}
    fields |= {"Content-Type": "text/xml"} if body else {}
    client.request(method, path, body, fields)
    answer = client.getresponse()
    found = Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
    client.close()
    return found


def file(name: str, path: str, kind: str, question: str | None = None) -> bytes:
    """A file of this media type; what else comes is said in words. A question is a POST."""
    answer = get(name, path, "POST" if question else "GET", question)
    said = f"https://{name}{path.partition('?')[0]} answers {answer.status}"
    found = answer.fields["content-type"].partition(";")[0]
    assert (answer.status, found) == (200, kind), f"{said}, {found}"
    return answer.body


def autoconfig(domain: str, address: str) -> list[Server]:
    """What Thunderbird is told for an address, its placeholders filled in, the preferred first."""
    path = f"/mail/config-v1.1.xml?emailaddress={quote(address, safe='')}"
    told = file(f"autoconfig.{domain}", path, "text/xml")
    provider = ElementTree.fromstring(told).find("emailProvider")
    assert provider is not None
    return [_of_autoconfig(each, address) for each in provider if each.tag.endswith("Server")]


def _of_autoconfig(server: ElementTree.Element, address: str) -> Server:
    said = {part.tag: part.text or "" for part in server}
    assert said["authentication"] == "password-cleartext"
    name = said["username"].replace("%EMAILADDRESS%", address)
    name = name.replace("%EMAILLOCALPART%", address.rpartition("@")[0])
    kind = server.get("type") or ""
    return Server(kind, said["hostname"], int(said["port"]), said["socketType"], name)


def autodiscover(domain: str, address: str, method: str = "POST") -> list[Server]:
    """What Outlook is told for an address, which is the login as well."""
    question = _QUESTION.format(address=address) if method == "POST" else None
    path = "/Autodiscover/Autodiscover.xml"
    told = file(f"autodiscover.{domain}", path, "text/xml", question)
    protocols = ElementTree.fromstring(told).iter(f"{_AUTODISCOVER}Protocol")
    return list(_of_autodiscover(protocols, address))


def _of_autodiscover(protocols: Iterator[ElementTree.Element], address: str) -> Iterator[Server]:
    for protocol in protocols:
        said = {part.tag.removeprefix(_AUTODISCOVER): part.text or "" for part in protocol}
        assert (said["SSL"], said["SPA"], said["AuthRequired"]) == ("on", "off", "on")
        kind = said["Type"].lower()
        yield Server(kind, said["Server"], int(said["Port"]), said["Encryption"], address)


def profile(domain: str, protocol: str, address: str) -> list[Server]:
    """What a profile tells an iPhone, which asks for the address and the login."""
    name, path = f"autoconfig.{domain}", f"/{protocol}.mobileconfig"
    signed = file(name, path, "application/x-apple-aspen-config")
    (account,) = plistlib.loads(verified(signed))["PayloadContent"]
    assert account["EmailAccountType"] == _ACCOUNT_TYPES[protocol]
    found = []
    for way, kind in (("Incoming", protocol), ("Outgoing", "smtp")):
        said = {k.removeprefix(f"{way}MailServer"): v for k, v in account.items()}
        assert (said["UseSSL"], said["Authentication"]) == (True, "EmailAuthPassword")
        found.append(Server(kind, said["HostName"], said["PortNumber"], "SSL", address))
    return found


def verified(signed: bytes) -> bytes:
    """What was signed, if by a certificate that this machine trusts (CMS, RFC 5652)."""
    command = ["openssl", "cms", "-verify", "-inform", "DER", "-purpose", "sslserver"]
    done = subprocess.run(command, input=signed, capture_output=True)
    assert done.returncode == 0, done.stderr
    return done.stdout
