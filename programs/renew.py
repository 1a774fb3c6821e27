"""renew [--now] [CERTIFICATE]: orders what is due, of all or of one, and has it served.
renew --account: says which account this host has at the authority, for CAA (RFC 8657 section 3).

CERTIFICATE.names below /etc/mailwright/tls says for which names, CERTIFICATE.key, where there is
one, for which key; what is served is CERTIFICATE.pem. --now orders though nothing is due, or though
an order has failed a short while ago. Nothing is ordered for a name until this host sees that the
authority would find it here. The names of web sites that wait for that are looked at ever more
rarely, once a day at last; those of a CERTIFICATE that is asked for, at once.

What is known of each certificate lies in /var/lib/mailwright/acme/CERTIFICATE:
    asked      a digest of what is to be ordered, and since when: another order knows no failure
    waits      the names that do not lead here, as of the last look, and why
    failure    what the postmaster was told of the last order, which has failed, and when
    tries      how often in a row it has failed
    directory  the authority that the certificate is from
"""

from __future__ import annotations

import asyncio
import base64
import fcntl
import hashlib
import hmac
import ipaddress
import json
import os
import random
import re
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
import urllib.error
import urllib.request
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dns.asyncresolver
import dns.exception
import dns.resolver
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

if TYPE_CHECKING:  # Debian 12's has them by another name
    from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

PROGRAMS = Path("/etc/mailwright/acme")
TLS = Path("/etc/mailwright/tls")
STATE = Path("/var/lib/mailwright/acme")
CHALLENGES = Path("/var/lib/mailwright/challenges")
UNIT = "mailwright-acme.service"

HOUR = 3600
LOOKS = 32  # at once
LOOK = 5 * 60  # no look at a name is begun later
SECONDS = 10  # for the answer of a name server, or of a web server
ORDERS = 250  # in three hours: Let's Encrypt takes 300 of an account
NONCES = 3  # an authority may refuse some of its own
IN_A_ROW = 3  # that fail: then it is no single name's fault
RUN = 10 * 60  # no order is begun later in a run; systemd ends it after 30 minutes

# What Debian 12's cryptography has, Debian 13's warns of.
warnings.simplefilter("ignore")


class FailedError(Exception):
    """What went wrong, and what a program said to it."""


@dataclass(frozen=True)
class Settings:
    """The authority, whom it writes to, and where the world and this host find the host.

    Some authorities issue to their customers only, whom `eab_kid` and `eab_key` (base64url) name.
    A new certificate is `due` once no more than so many percent of the life are left.
    """

    directory: str
    contact: str
    addresses: list[str]
    loopback: str
    due: int
    eab_kid: str = ""
    eab_key: str = field(default="", repr=False)

    @classmethod
    def read(cls) -> Settings:
        """Those of this host."""
        return cls(**tomllib.loads((PROGRAMS / "settings.toml").read_text()))

    @property
    def account(self) -> Path:
        """Where the key of the account at the authority is."""
        return STATE / f"account-{hashlib.sha256(self.directory.encode()).hexdigest()[:16]}"


def run(*argv: str | Path, seconds: float = 300) -> str:
    """What a program says. Raises FailedError with that."""
    try:
        done = subprocess.run(
            [*map(str, argv)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=seconds,
        )
    except subprocess.TimeoutExpired:
        raise FailedError(f"{argv[0]} was not done after {seconds} seconds") from None
    if done.returncode:
        raise FailedError(done.stdout)
    return done.stdout


def read(path: Path) -> str:
    """A file's text without its last newline; nothing where there is none."""
    try:
        return path.read_text(errors="replace").rstrip("\n")
    except FileNotFoundError:
        return ""


def public_of(path: Path) -> bytes:
    """The same of the private key in a file."""
    return public(serialization.load_pem_private_key(path.read_bytes(), None).public_key())


def day(seconds: float) -> str:
    """A time in words."""
    return f"{datetime.fromtimestamp(seconds, UTC):%F %R UTC}"


def public(key: PublicKeyTypes) -> bytes:
    """A key's SubjectPublicKeyInfo."""
    info = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_bytes(serialization.Encoding.DER, info)


# -- the authority ---------------------------------------------------------------------------------


def register(settings: Settings) -> str:
    """What uacme says of the account.

    One that is there already is an error to it, and so is one that is lost.
    """
    if settings.eab_kid:
        bind(settings)
    try:
        return run("uacme", "-y", *at(settings), "new", settings.contact, seconds=60)
    except FailedError as failed:
        if "already exists" in str(failed):
            return str(failed)
        with suppress(OSError, ValueError):
            if not settings.eab_kid and wants_customers(directory_of(settings)):
                raise FailedError(BOUND) from None
        raise


BOUND = """it issues to its own customers only (external account binding)
Say who you are there with eab_kid in [acme] of mail.toml, and deploy."""


def at(settings: Settings) -> tuple[str | Path, ...]:
    """The words that name the account to uacme."""
    return "-c", settings.account, "-a", settings.directory


def tell_account(settings: Settings) -> None:
    """Say which one it is."""
    register(settings)
    said = register(settings)
    if not (found := re.search(r"already exists at (https:\S+)", said)):
        raise FailedError(said)
    print(found[1])


def has_room() -> bool:
    """Whether the authority takes one more order of us now."""
    recent = [
        each
        for each in re.findall(r"\d+", read(STATE / "orders"))
        if 0 <= time.time() - int(each) < 3 * HOUR
    ]
    with suppress(OSError):
        (STATE / "orders").write_text("\n".join(recent[-ORDERS:]))
    return len(recent) < ORDERS


# -- an account that is bound to a customer's ------------------------------------------------------
#
# uacme could do it, but takes the key among its arguments, where every user of the host reads it.


AccountKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey  # P-256 is ours, RSA uacme's own


def bind(settings: Settings) -> None:
    """Have the account made with the customer's word for it (RFC 8555 section 7.3.4), once."""
    done = settings.account / "eab_kid"
    if read(done) == settings.eab_kid:
        return
    path = settings.account / "private/key.pem"  # where uacme looks for it
    path.parent.mkdir(mode=0o700, exist_ok=True)
    if not path.exists():
        curve = ("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")
        run("openssl", "genpkey", *curve, "-out", path)
    key = serialization.load_pem_private_key(path.read_bytes(), None)
    assert isinstance(key, AccountKey)
    try:
        directory = directory_of(settings)
        url = directory["newAccount"]
        payload = {
            "termsOfServiceAgreed": True,
            "contact": [f"mailto:{settings.contact}"],
            "externalAccountBinding": binding(settings, jwk(key), url),
        }
        for _ in range(NONCES):
            if not (words := refusal(url, signed(key, fresh_nonce(directory), url, payload))):
                done.write_text(settings.eab_kid)
                return
            if "badNonce" not in words:
                break
    except (OSError, ValueError, KeyError) as error:
        words = f"{type(error).__name__}: {error}"
    raise FailedError(f"it makes no account for {settings.eab_kid} (eab_kid)\n{words}")


def directory_of(settings: Settings) -> dict[str, Any]:
    """What the authority offers, and where (RFC 8555 section 7.1.1)."""
    with urllib.request.urlopen(settings.directory, timeout=SECONDS) as answer:
        found: dict[str, Any] = json.load(answer)
        return found


def wants_customers(directory: dict[str, Any]) -> bool:
    """Whether there is no account without an external one."""
    return bool(directory.get("meta", {}).get("externalAccountRequired"))


def fresh_nonce(directory: dict[str, Any]) -> str:
    """What a request is good for once (RFC 8555 section 7.2)."""
    request = urllib.request.Request(directory["newNonce"], method="HEAD")
    with urllib.request.urlopen(request, timeout=SECONDS) as answer:
        return str(answer.headers["Replay-Nonce"])


def refusal(url: str, body: dict[str, str]) -> str:
    """What the authority has against a request; nothing where it does as it is asked."""
    fields = {"Content-Type": "application/jose+json"}
    request = urllib.request.Request(url, json.dumps(body).encode(), fields)
    try:
        with urllib.request.urlopen(request, timeout=SECONDS):
            return ""
    except urllib.error.HTTPError as error:
        words = error.read().decode(errors="replace")
        with suppress(ValueError, KeyError, TypeError):  # RFC 7807
            problem = json.loads(words)
            return f"{problem['type']}: {problem['detail']}"
        return words.strip() or str(error)


def encoded(raw: bytes) -> str:
    """In base64url without padding (RFC 7515 section 2)."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def decoded(text: str) -> bytes:
    """The same, back."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def jwk(key: AccountKey) -> dict[str, str]:
    """The public key of an account (RFC 7518 section 6)."""
    said = key.public_key().public_numbers()
    if isinstance(said, rsa.RSAPublicNumbers):
        return {"e": number(said.e), "kty": "RSA", "n": number(said.n)}
    return {"crv": "P-256", "kty": "EC", "x": number(said.x, 32), "y": number(said.y, 32)}


def number(value: int, length: int = 0) -> str:
    """A number of so many bytes, or of as few as it needs."""
    return encoded(value.to_bytes(length or (value.bit_length() + 7) // 8, "big"))


def halves(protected: dict[str, Any], payload: dict[str, Any]) -> dict[str, str]:
    """What is signed, in the form in which it is sent (RFC 7515 section 7.2.2)."""
    two = {"protected": protected, "payload": payload}
    return {name: encoded(json.dumps(each).encode()) for name, each in two.items()}


def binding(settings: Settings, key: dict[str, str], url: str) -> dict[str, str]:
    """The account's key, with the customer's word for it."""
    said = halves({"alg": "HS256", "kid": settings.eab_kid, "url": url}, key)
    words = f"{said['protected']}.{said['payload']}".encode()
    word = hmac.digest(decoded(settings.eab_key), words, "sha256")
    return {**said, "signature": encoded(word)}


def signed(key: AccountKey, nonce: str, url: str, payload: dict[str, Any]) -> dict[str, str]:
    """A request of an account that has no URL yet (RFC 8555 section 6.2)."""
    name = "RS256" if isinstance(key, rsa.RSAPrivateKey) else "ES256"
    said = halves({"alg": name, "jwk": jwk(key), "nonce": nonce, "url": url}, payload)
    words = f"{said['protected']}.{said['payload']}".encode()
    if isinstance(key, rsa.RSAPrivateKey):
        signature = key.sign(words, padding.PKCS1v15(), hashes.SHA256())
    else:
        both = decode_dss_signature(key.sign(words, ec.ECDSA(hashes.SHA256())))
        signature = b"".join(each.to_bytes(32, "big") for each in both)
    return {**said, "signature": encoded(signature)}


# -- does the world find us? -----------------------------------------------------------------------


class Look:
    """A look at many names side by side, as the authority looks at each."""

    def __init__(self, settings: Settings, proof: str, words: str) -> None:
        self.settings = settings
        self.proof, self.words = proof, words.encode()
        self.resolver = dns.asyncresolver.Resolver()
        self.resolver.lifetime = SECONDS
        self.turns = asyncio.Semaphore(LOOKS)
        self.end = time.monotonic() + LOOK

    async def addresses(self, name: str) -> list[str]:
        """Those that DNS has for a name."""
        found: list[str] = []
        with suppress(dns.resolver.NXDOMAIN):
            for kind in ("A", "AAAA"):
                with suppress(dns.resolver.NoAnswer):
                    found += [
                        each.address for each in await self.resolver.resolve(f"{name}.", kind)
                    ]
        return found

    async def answers(self, address: str, name: str) -> bool:
        """Whether it is we who answer there."""
        question = f"GET /.well-known/acme-challenge/{self.proof} HTTP/1.0\r\nHost: {name}\r\n\r\n"
        with suppress(OSError, EOFError, asyncio.LimitOverrunError):
            async with asyncio.timeout(SECONDS):
                reader, writer = await asyncio.open_connection(address, 80)
                try:
                    writer.write(question.encode())
                    await reader.readuntil(b"\r\n\r\n" + self.words)
                    return True
                finally:
                    writer.close()
        return False

    async def leads_here(self, address: str, name: str) -> bool:
        """Whether that is so from elsewhere, as far as this host can tell."""
        if await self.answers(address, name):
            return True
        # Many a router does not let a host behind it reach its own public address (no hairpin NAT).
        # DNS says what the description says, so we believe it; should it be wrong, the order fails,
        # and the next is later.
        ours = map(ipaddress.ip_address, self.settings.addresses)
        is_ours = ipaddress.ip_address(address) in ours
        return is_ours and await self.answers(self.settings.loopback, name)

    async def obstacles(self, name: str) -> list[str]:
        """What keeps the authority from finding a name here."""
        async with self.turns:
            if time.monotonic() > self.end:
                return [f"{name} was not looked at, since other names took too long"]
            try:
                addresses = await self.addresses(name)
            except dns.exception.DNSException:
                return [f"{name} is not answered for in DNS"]
            if not addresses:
                return [f"{name} has no address in DNS"]
            lead = await asyncio.gather(*(self.leads_here(each, name) for each in addresses))
            lost = [address for address, leads in zip(addresses, lead, strict=True) if not leads]
            return [
                f"{name} is not answered by this host at {address}, port 80" for address in lost
            ]


async def look(settings: Settings, names: list[str]) -> dict[str, list[str]]:
    """By name, what keeps the authority from finding it here.

    The first goes first, the others in any order.
    """
    names = names[:1] + random.sample(names[1:], len(names) - 1)
    with tempfile.NamedTemporaryFile("w", dir=CHALLENGES, prefix="mailwright-") as file:
        words = secrets.token_hex(16)
        file.write(words)
        file.flush()
        path = Path(file.name)
        path.chmod(0o644)
        one = Look(settings, path.name, words)
        return dict(zip(names, await asyncio.gather(*map(one.obstacles, names)), strict=True))


# -- failures --------------------------------------------------------------------------------------


class Order:
    """What is to be ordered, and how that went: in its own folder, which another order empties."""

    def __init__(self, settings: Settings, folder: Path, *asked: object) -> None:
        self.asked, self.waits = folder / "asked", folder / "waits"
        self.failure, self.tries = folder / "failure", folder / "tries"
        folder.mkdir(parents=True, exist_ok=True)
        bound = (settings.eab_kid, settings.eab_key) if settings.eab_kid else ()
        order = (settings.directory, settings.contact, settings.addresses, *bound, *asked)
        digest = hashlib.sha256(repr(order).encode()).hexdigest()
        if read(self.asked) != digest:
            self.clear()
            with suppress(OSError):
                self.asked.write_text(digest)

    def clear(self) -> None:
        """Nothing has failed, and nothing waits."""
        for path in (self.waits, self.failure, self.tries):
            path.unlink(missing_ok=True)

    @property
    def count(self) -> int:
        """How often in a row it has failed."""
        found = re.search(r"\d+", read(self.tries))
        return int(found[0]) if found else 0

    @property
    def pause(self) -> int:
        """After the first failure an hour without another try, then two, up to sixteen."""
        return HOUR << min(max(self.count - 1, 0), 4)

    @property
    def is_paused(self) -> bool:
        """Whether it is too early for another try."""
        if not self.failure.exists():
            return False
        return 0 <= time.time() - self.failure.stat().st_mtime < self.pause

    @property
    def is_looked_at(self) -> bool:
        """Whether there is nothing new to be expected.

        After a look we wait as long again as we have waited.
        """
        if not read(self.waits):
            return False
        looked = self.waits.stat().st_mtime
        return 0 <= time.time() - looked < min(looked - self.asked.stat().st_mtime, 24 * HOUR)

    def fail(self) -> str:
        """Once more. Returns when the next try is."""
        with suppress(OSError):
            self.tries.write_text(str(self.count + 1))
        return day(time.time() + self.pause)

    def keep(self, words: str) -> str:
        """What was told of it. Returns that."""
        with suppress(OSError):
            self.failure.write_text(words)
        return words


# -- one certificate -------------------------------------------------------------------------------


class Certificate:
    """What is served now; and the new one, from its order until it is served."""

    def __init__(self, settings: Settings, name: str) -> None:
        self.settings, self.name = settings, name
        self.pem, self.key, names = (TLS / f"{name}.{suffix}" for suffix in ("pem", "key", "names"))
        self.work = STATE / name
        lines = names.read_text().splitlines()
        self.names = [line for line in lines if not line.startswith("#")]
        self.request = self.work / "request.key"
        self.chain = self.work / "request-cert.pem"
        self.read()

    def read(self) -> None:
        """Look what is served, and for which names."""
        self.served = x509.load_pem_x509_certificate(self.pem.read_bytes())
        values = [each.value for each in self.served.extensions]
        found = [each for each in values if isinstance(each, x509.SubjectAlternativeName)]
        self.covered = {name for each in found for name in each.get_values_for_type(x509.DNSName)}

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Whoever else orders the same waits."""
        self.work.mkdir(parents=True, exist_ok=True)
        with (self.work / "lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def has(self, name: str) -> bool:
        """Whether what is served is for that name."""
        return not self.covered.isdisjoint({name, f"*.{name.partition('.')[2]}"})

    @property
    def order(self) -> Order:
        """How orders of it went."""
        return Order(self.settings, self.work, self.names, read(self.key))

    @property
    def is_temporary(self) -> bool:
        """Whether no authority has signed it."""
        return self.served.issuer == self.served.subject

    @property
    def end(self) -> float:
        """When it ends."""
        return life(self.served)[1]

    def reason(self) -> str:
        """Why one is due; nothing when none is."""
        if self.is_temporary:
            return "there is a temporary one only"
        if self.key.exists() and public(self.served.public_key()) != public_of(self.key):
            return "its key is new"
        if read(self.work / "directory") not in ("", self.settings.directory):
            return "the authority is another one"
        if is_old(self.served, self.settings.due):
            return f"it ends on {day(self.end)}"
        return ""

    def finish(self) -> None:
        """The last run may have died in the middle."""
        if Path(f"{self.pem}.previous").exists():
            with self.locked():
                run(PROGRAMS / "serve", self.name)
            self.read()

    def renew(self, names: Sequence[str], why: str) -> None:
        """Order one for these names, unless it is at hand, and have it served; or FailedError."""
        with self.locked():
            before = self.served
            self.read()
            if self.served != before:  # somebody else was faster
                return
            if why == "asked for" or not self.is_at_hand(names):
                self.get(names)
                try:
                    self.prove(names)
                except FailedError as failed:
                    self.forget()
                    raise FailedError(
                        f"a certificate came that cannot be served\n{failed}"
                    ) from None
            try:
                run(PROGRAMS / "serve", self.name, self.request, self.chain, seconds=600)
            except FailedError as failed:
                raise FailedError(f"the new certificate is not served\n{failed}") from None
            (self.work / "request.directory").replace(self.work / "directory")
            self.forget()
            self.read()
            self.order.clear()
            self.order.asked.touch()
        what = f"a new certificate for {' '.join(names)} is served ({why})"
        print(f"{self.names[0]}: {what}; it ends on {day(self.end)}")

    def forget(self) -> None:
        """Remove what an order has brought."""
        for path in self.work.glob("request*"):
            path.unlink()

    def get(self, names: Sequence[str]) -> None:
        """Leaves the chain in request-cert.pem and its key in request.key."""
        try:
            self.forget()
            with (STATE / "orders").open("a") as file:
                file.write(f"\n{time.time():.0f}")
            register(self.settings)
            if self.key.exists():
                shutil.copyfile(self.key, self.request)
            else:
                curve = ("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")
                run("openssl", "genpkey", *curve, "-out", self.request)
            alternative = "subjectAltName=" + ",".join(f"DNS:{name}" for name in names)
            request = self.work / "request.csr"
            asking = ("-new", "-key", self.request, "-subj", "/", "-addext", alternative)
            run("openssl", "req", *asking, "-out", request)
            hook = PROGRAMS / "challenge"
            run("uacme", *at(self.settings), "-h", hook, "-o", "issue", request)
            (self.work / "request.directory").write_text(self.settings.directory)
        except (FailedError, OSError) as failed:
            raise FailedError(
                f"no certificate came from {self.settings.directory}\n{failed}"
            ) from None

    def prove(self, names: Sequence[str]) -> None:
        """What came is for our key, these names and this time; each is signed by the next."""
        pem = r"-----BEGIN CERT.*?-----END CERT\w*-----\n?"
        leaf, *above = re.findall(pem, self.chain.read_text(), re.DOTALL)
        key = x509.load_pem_x509_certificate(leaf.encode()).public_key()
        if public(key) != public_of(self.request):
            raise FailedError("the certificate that came is for another key")
        trust: list[str | Path] = []
        if above:  # we chose to ask this authority, whether the host's store has its root or not
            (self.work / "request.above").write_text("".join(above))
            (self.work / "request.top").write_text(above[-1])
            trust += ["-no-CAfile", "-no-CApath", "-no-CAstore", "-partial_chain"]
            trust += [
                "-trusted",
                self.work / "request.top",
                "-untrusted",
                self.work / "request.above",
            ]
        for name in names:
            purpose = ("-purpose", "sslserver", "-verify_hostname", name)
            run("openssl", "verify", *trust, *purpose, self.chain)

    def is_at_hand(self, names: Sequence[str]) -> bool:
        """What an order brought that could not be served then; it need not be ordered again."""
        if read(self.work / "request.directory") != self.settings.directory:
            return False
        if self.key.exists() and read(self.key) != read(self.request):
            return False
        with suppress(FailedError, OSError, ValueError):
            self.prove(names)
            certificate = x509.load_pem_x509_certificate(self.chain.read_bytes())
            return not is_old(certificate, self.settings.due)
        return False


def life(certificate: x509.Certificate) -> tuple[float, float]:
    """When it begins, and when it ends."""
    begin, end = certificate.not_valid_before, certificate.not_valid_after
    return begin.replace(tzinfo=UTC).timestamp(), end.replace(tzinfo=UTC).timestamp()


def is_old(certificate: x509.Certificate, percent: int) -> bool:
    """Whether no more than that is left of its life."""
    start, end = life(certificate)
    return (end - time.time()) * 100 <= (end - start) * percent


# -- all of them -----------------------------------------------------------------------------------


class Run:
    """One look at everything: what is due, what leads here, and then one order after the other."""

    def __init__(self, settings: Settings, now: bool, only: str) -> None:
        self.settings, self.now, self.only = settings, now, only
        self.began = time.monotonic()
        self.errors: list[str] = []
        self.together = Order(settings, STATE)  # what they have in common

    @contextmanager
    def noted(self, name: str) -> Iterator[None]:
        """What is wrong with one certificate is no other's trouble."""
        try:
            yield
        except (FailedError, OSError, ValueError) as error:
            self.errors.append(f"error: {name}: {error}")

    def due(self, name: str) -> list[tuple[Certificate, str]]:
        """A certificate and why a new one is due, if so.

        There may be no reason but names that it lacks.
        """
        certificate = Certificate(self.settings, name)
        certificate.finish()
        why = "asked for" if self.now else certificate.reason()
        if not why and all(map(certificate.has, certificate.names)):
            if certificate.work.exists():
                certificate.order.clear()
            return []
        order = certificate.order
        if order.is_paused and not self.now:
            self.errors.append(read(order.failure))
            return []
        is_waiting = name != "mail" and (not why or certificate.is_temporary)
        is_early = is_waiting and order.is_looked_at and not self.only
        return [] if is_early else [(certificate, why)]

    def ready(
        self, certificate: Certificate, why: str, obstacles: dict[str, list[str]]
    ) -> list[tuple[Certificate, list[str], str]]:
        """For which names it is to be ordered, and why; nothing if it has to wait."""
        ready = [name for name in certificate.names if not obstacles[name]]
        waits = [line for name in certificate.names for line in obstacles[name]]
        certificate.order.waits.write_text("".join(f"{line}\n" for line in waits))
        if not why:
            # Only for names that it lacks, and never for less than it has.
            lacks = [name for name in ready if not certificate.has(name)]
            is_less = any(certificate.has(name) for name in {*certificate.names} - {*ready})
            why = f"it lacks {' '.join(lacks)}"
            return [(certificate, ready, why)] if lacks and not is_less else []
        if not ready and not certificate.is_temporary:
            what = "its name no longer leads here, so no certificate can be ordered"
            self.fail(certificate, why, "\n".join((what, *waits)))
        return [(certificate, ready, why)] if ready else []

    def fail(self, certificate: Certificate, why: str, words: str) -> None:
        """All of it stands in the journal, and in the mail of the alarm."""
        order = certificate.order
        what, _, said = words.partition("\n")
        text = f"""\
error: {certificate.names[0]}: {what}
The certificate before is still served; it ends on {day(certificate.end)}.
A new one is due: {why}. The next try is after {order.fail()}, or at once with
{PROGRAMS}/renew --now {certificate.name}
{said}"""
        self.errors.append(order.keep(text.rstrip()))

    def orders(self, ready: list[tuple[Certificate, list[str], str]]) -> None:
        """One after the other, until it is enough for this run.

        Those that have failed before come last.
        """
        row = 0
        ready.sort(key=lambda each: (each[0].name != "mail", each[0].order.count, each[0].name))
        for done, (certificate, names, why) in enumerate(ready):
            if not self.only and (time.monotonic() - self.began > RUN or not has_room()):
                print(f"{len(ready) - done} more are due, and ordered later")
                break
            try:
                certificate.renew(names, why)
                self.together.clear()
                row = 0
            except (FailedError, OSError, ValueError) as failed:
                self.fail(certificate, why, str(failed))
                row += 1
            if row == IN_A_ROW and not self.only:
                words = f"error: {row} orders in a row have failed"
                words += f"; no other is tried before {self.together.fail()}"
                self.errors.append(self.together.keep(words))
                break

    def run(self) -> bool:
        """Whether all went well."""
        every = sorted(f"{path.relative_to(TLS)}"[:-6] for path in TLS.rglob("*.names"))
        due: list[tuple[Certificate, str]] = []
        ready: list[tuple[Certificate, list[str], str]] = []
        for name in [self.only] if self.only else every:
            with self.noted(name):
                due += self.due(name)
        if self.together.is_paused and not self.now and not self.only:
            self.errors.insert(0, read(self.together.failure))
            due = []
        names = [name for certificate, _ in due for name in certificate.names]
        found = asyncio.run(look(self.settings, names)) if due else {}
        for certificate, why in due:
            with self.noted(certificate.name):
                ready += self.ready(certificate, why, found)
        if waits := [line for name in names for line in found[name]]:
            others = f"and {len(waits) - 3} more, which `find {STATE} -name waits` lists"
            print("; ".join([*waits[:3], *([others] if waits[3:] else [])]))
        self.orders(ready)
        if not (self.errors or self.only):
            self.together.clear()
        if more := len(self.errors[10:]):
            self.errors[10:] = [f"and {more} more, which `find {STATE} -name failure` lists"]
        for words in self.errors:
            print(words)
        return not self.errors


def main(argv: list[str]) -> int:
    """Do what the arguments say; return the exit status."""
    os.umask(0o077)
    settings = Settings.read()
    modes = {STATE.parent: 0o755, STATE: 0o700, settings.account: 0o700, CHALLENGES: 0o755}
    for path, mode in modes.items():
        path.mkdir(exist_ok=True)
        path.chmod(mode)
    if argv == ["--account"]:
        tell_account(settings)
        return 0
    for path in STATE.glob("web/*"):
        if not (TLS / f"web/{path.name}.names").exists():
            shutil.rmtree(path)
    now = argv[:1] == ["--now"]
    is_well = Run(settings, now, "".join(argv[now:])).run()
    if is_well and not any(STATE.rglob("failure")):
        # It may have been started by hand, after its unit had failed.
        subprocess.run(["systemctl", "reset-failed", UNIT], stderr=subprocess.DEVNULL, check=False)
    return 0 if is_well else 1


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except FailedError as failed:
        sys.exit(str(failed))
