"""What a running host adds by itself: the register of every path that nobody rolls out.

A deploy does not touch it, and no description could make it again: each entry says who writes it,
whether a backup takes it, how it comes to another machine, and what its loss costs.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import cache

from mailwright.model.host import ACME, WEB, MailHost
from mailwright.model.mailbox import VMAIL
from mailwright.model.storage import FOLDERS, MAILDIR, MDBOX

ROLLOUTS = "/etc/mailwright/rollout"  # what rollouts keep of each service
LOCK = f"{ROLLOUTS}/lock"  # held by whoever changes what is served: a deploy, or a renewal
TLS = "/etc/mailwright/tls"
SRS_SECRET = "/etc/mailwright/srs.secret"
HOME = "/var/lib/mailwright"  # what our own programs keep
ORDERS = f"{HOME}/acme"
CHALLENGES = f"{HOME}/challenges"
ALARMS = f"{HOME}/alarm"
_MAILBOX = f"{VMAIL}/*/*"
# What waits, and of each letter what its sender will be told (qmgr(8)).
_WAITING = ("active", "corrupt", "deferred", "hold", "incoming", "maildrop")
_QUEUES = (*_WAITING, "bounce", "defer", "trace")


class Backup(StrEnum):
    """Whether a backup takes it, and how."""

    FILES = "yes"  # a copy of each file is whole, whenever it is made
    AT_ONCE = "yes, all at one moment"  # files that belong together, or one that is written in
    NO = "no"


class Move(StrEnum):
    """When it comes to another machine."""

    BEFORE = "before the first deploy"
    AFTER = "after the first deploy"
    BY_HAND = "by hand, never blindly"
    NEVER = "never"


@dataclass(frozen=True)
class Entry:
    """What somebody on a host writes at these paths, and below them.

    In a path `*` stands for a part of a name, `**` for anything. `variant` is what a host must have
    for it to be there (`MailHost.variants`, or its `mail_driver`). `how` says in words how it
    moves, `loss` what it costs when it is lost. `unit` must not run while it is put back.
    """

    name: str
    what: str
    maker: str
    paths: tuple[str, ...]
    backup: Backup
    move: Move
    how: str
    loss: str
    variant: str = ""
    unit: str = ""

    def covers(self, path: str) -> bool:
        """Whether the path is one of its own."""
        return bool(_pattern(self.paths).fullmatch(path))


@cache
def _pattern(paths: tuple[str, ...]) -> re.Pattern[str]:
    escaped = (re.escape(path).replace(r"\*\*", ".*").replace(r"\*", "[^/]*") for path in paths)
    return re.compile(f"(?:{'|'.join(escaped)})(?:/.*)?", re.DOTALL)


def entry(path: str) -> Entry | None:
    """Whose a path on a host is: the first entry's that covers it."""
    return next((each for each in REGISTER if each.covers(path)), None)


def register(host: MailHost) -> tuple[Entry, ...]:
    """The entries that there is something of on such a host.

    What settings that have gone since have left there has its entry all the same.
    """
    variants = {"", host.mail_driver, *host.variants}
    return tuple(each for each in REGISTER if each.variant in variants)


_MADE = "the new machine makes its own"
_NOTHING = "nothing"

# What is part of something larger stands before it.
REGISTER = (
    # -- mail --------------------------------------------------------------------------------------
    Entry(
        "private-seen",
        "what each member of a shared mailbox has read, with `private_seen`",
        "Dovecot",
        (f"{_MAILBOX}/shared",),
        Backup.AT_ONCE,
        Move.BEFORE,
        "with the mail",
        "to the members all mail there is new again",
    ),
    Entry(
        "sieve",
        "the owner's Sieve scripts, which of them is active, and who has had an answer by it",
        "Dovecot",
        (
            f"{_MAILBOX}/sieve",
            f"{_MAILBOX}/.dovecot.sieve*",
            f"{_MAILBOX}/.dovecot.svbin",
            f"{_MAILBOX}/.dovecot.lda-dupes*",
        ),
        Backup.FILES,
        Move.BEFORE,
        "with the mail",
        "the filters of users; an absence is announced twice",
    ),
    Entry(
        "indexes",
        "caches of a Maildir, and since when a message is in its folder",
        "Dovecot",
        (
            f"{_MAILBOX}/Maildir/**dovecot.index*",
            f"{_MAILBOX}/Maildir/**dovecot.list.index*",
            f"{_MAILBOX}/Maildir/**dovecot.mailbox.log*",
        ),
        Backup.NO,
        Move.NEVER,
        "Dovecot makes them again from the mail",
        "the first session of each user is slow; the days of `Fetched` begin anew",
        MAILDIR,
    ),
    Entry(
        "maildir",
        "mail with flags, dates and keywords; UIDs and UIDVALIDITY, by which POP3 and IMAP know a"
        " message; subscriptions",
        "Dovecot",
        (f"{_MAILBOX}/{FOLDERS[MAILDIR]}",),
        Backup.AT_ONCE,
        Move.BEFORE,
        f"below {VMAIL}, owned by vmail",
        "mail; of the lists of UIDs alone: every program fetches everything again",
        MAILDIR,
    ),
    Entry(
        "mdbox",
        "mail, and the indexes that alone have its flags, keywords and UIDs; subscriptions",
        "Dovecot",
        (f"{_MAILBOX}/{FOLDERS[MDBOX]}",),
        Backup.AT_ONCE,
        Move.BEFORE,
        f"by `doveadm backup`, or below {VMAIL}, owned by vmail",
        "mail; of the indexes alone: flags, and every program fetches everything again",
        MDBOX,
    ),
    Entry(
        "queue",
        "mail that was accepted and waits, and mail that the operator holds",
        "Postfix",
        tuple(f"/var/spool/postfix/{queue}" for queue in _QUEUES),
        Backup.AT_ONCE,
        Move.BY_HAND,
        "let the old machine deliver it; where that is gone, into an empty queue, then"
        " `postsuper -s`: what was delivered since the backup is delivered again",
        "letters that their senders think are delivered",
        unit="postfix",
    ),
    # -- what mail depends on ----------------------------------------------------------------------
    Entry(
        "srs-secret",
        "the secret in the senders of forwarded mail",
        "the first deploy",
        (SRS_SECRET,),
        Backup.FILES,
        Move.BEFORE,
        "as it is, root's alone (mode 600)",
        "bounces of mail that was forwarded in the days before; stolen: others relay through us",
    ),
    Entry(
        "srs-kept",
        "senders that do not fit into a new one",
        "mailwright-srs",
        ("/var/lib/mailwright-srs", "/var/lib/private/mailwright-srs"),
        Backup.AT_ONCE,
        Move.AFTER,
        "owned as the folder that the service has made",
        "bounces to these senders",
        unit="mailwright-srs",
    ),
    Entry(
        "mta-sts",
        "policies that other domains have announced (MTA-STS)",
        "mta-sts-daemon",
        ("/var/lib/mta-sts",),
        Backup.AT_ONCE,
        Move.AFTER,
        "owned by _mta-sts",
        "until it is asked again, whoever answers for such a domain first is believed"
        " (RFC 8461 section 10.2)",
        unit="postfix-mta-sts-resolver",
    ),
    Entry(
        "learned",
        "what users have taught the spam filter",
        "Redis",
        ("/var/lib/redis",),
        Backup.FILES,
        Move.AFTER,
        "owned by redis",
        "the filter knows as little as on its first day",
        unit="redis-server",
    ),
    Entry(
        "account",
        "the key of the account at the authority that certificates are ordered from",
        "mailwright-acme",
        (f"{ORDERS}/account-*",),
        Backup.FILES,
        Move.BEFORE,
        "as it is, root's alone",
        "another account is made: `caa` that names the old one forbids certificates until it is"
        " changed",
        ACME,
    ),
    Entry(
        "certificates",
        "ordered certificates; the private keys of web sites are nowhere else",
        "mailwright-acme",
        (f"{TLS}/**.pem", f"{TLS}/**.pem.previous"),
        Backup.FILES,
        Move.BEFORE,
        "as they are, root's alone (mode 600)",
        "temporary ones serve until new ones are ordered, of which authorities give so many a week",
        ACME,
    ),
    Entry(
        "orders",
        "orders under way, how the last have failed, and what an authority looks at meanwhile",
        "mailwright-acme",
        (ORDERS, CHALLENGES),
        Backup.NO,
        Move.NEVER,
        "the new machine looks for itself what is due",
        "an order that has failed is tried sooner",
        ACME,
    ),
    Entry(
        "alarms",
        "what the postmaster was told, and letters to him that wait",
        "mailwright-alarm",
        (ALARMS,),
        Backup.NO,
        Move.NEVER,
        "what still fails is told again",
        "he reads the same twice",
    ),
    Entry(
        "anchor",
        "the keys of the root zone, as they follow each other (RFC 5011)",
        "Unbound",
        ("/var/lib/unbound",),
        Backup.NO,
        Move.NEVER,
        "the new machine begins with Debian's",
        _NOTHING,
    ),
    # -- what can be made again --------------------------------------------------------------------
    Entry(
        "rollouts",
        "what each service had before the last deploy and before the first",
        "a deploy",
        (ROLLOUTS,),
        Backup.NO,
        Move.NEVER,
        "the first deploy there keeps what it finds",
        "the way back to what was there before mailwright; deployed again, all is served as it was",
    ),
    Entry(
        "built",
        "tables, profiles and filters in the form that daemons read",
        "a deploy",
        (
            "/etc/postfix/maps/*.lmdb",
            "/etc/nginx/sites/**.mobileconfig",
            "/etc/dovecot/sieve/**.svbin",
        ),
        Backup.NO,
        Move.NEVER,
        "the first deploy builds them",
        _NOTHING,
    ),
    Entry(
        "postfix",
        "its chroot, sockets and locks",
        "Postfix",
        ("/var/spool/postfix", "/var/lib/postfix"),
        Backup.NO,
        Move.NEVER,
        _MADE,
        _NOTHING,
    ),
    Entry(
        "dovecot",
        "which instances there have been",
        "Dovecot",
        ("/var/lib/dovecot",),
        Backup.NO,
        Move.NEVER,
        _MADE,
        _NOTHING,
    ),
    Entry(
        "rspamd",
        "compiled expressions, and statistics of what it has judged",
        "Rspamd",
        ("/var/lib/rspamd",),
        Backup.NO,
        Move.NEVER,
        _MADE,
        "the first start takes ten seconds longer",
    ),
    Entry(
        "nginx",
        "what does not fit into its memory while it answers",
        "nginx",
        ("/var/lib/nginx",),
        Backup.NO,
        Move.NEVER,
        _MADE,
        _NOTHING,
        WEB,
    ),
    Entry(
        "logs",
        "the journal, what Rspamd and nginx have logged, and when the machine started",
        "systemd, Rspamd, nginx",
        ("/var/log/journal", "/var/log/rspamd", "/var/log/nginx", "/var/log/wtmp"),
        Backup.NO,
        Move.NEVER,
        "copy it elsewhere where a law or a habit asks for it",
        "what happened before; `mailwright mailbox advise` knows as many days as the journal has",
    ),
    # -- the system's ------------------------------------------------------------------------------
    Entry(
        "ssh",
        "the keys that the machine shows over SSH",
        "Debian's installer",
        ("/etc/ssh/ssh_host_*",),
        Backup.NO,
        Move.BY_HAND,
        "a machine that is to be taken for the old one gets them, any other its own",
        "whoever connects is warned, until the `known_hosts` of operators have the new ones",
    ),
    Entry(
        "systemd",
        "which units start with the host, when timers last ran, random seed, accounts of services",
        "systemd",
        (
            "/etc/systemd/system/*.wants",
            "/etc/systemd/system/*.service",
            "/var/lib/systemd",
            "/var/lib/private",
            "/etc/machine-id",
            "/etc/.updated",
            "/var/.updated",
            "/tmp/systemd-private-*",
            "/var/tmp/systemd-private-*",
        ),
        Backup.NO,
        Move.NEVER,
        _MADE,
        _NOTHING,
    ),
    Entry(
        "packages",
        "which packages are installed, their accounts, and what they have written when they were",
        "Debian's packages",
        (
            "/etc/.pwd.lock",
            "/etc/aliases",
            "/etc/alternatives",
            "/etc/apparmor.d/local",
            "/etc/default",
            "/etc/dovecot/*.ext",
            "/etc/dovecot/conf.d",
            "/etc/dovecot/private",
            "/etc/group*",
            "/etc/gshadow*",
            "/etc/inputrc",
            "/etc/ld.so.cache",
            "/etc/lighttpd",
            "/etc/nginx/sites-enabled",
            "/etc/passwd*",
            "/etc/perl",
            "/etc/postfix/*.cf.proto",
            "/etc/postfix/dynamicmaps.cf",
            "/etc/postfix/makedefs.out",
            "/etc/python3",
            "/etc/rc*.d",
            "/etc/shadow*",
            "/etc/ssl/certs",
            "/etc/ssl/private/ssl-cert-snakeoil.key",
            "/etc/subgid*",
            "/etc/subuid*",
            "/var/backups",
            "/var/cache",
            "/var/lib/apt",
            "/var/lib/dpkg",
            "/var/lib/python",
            "/var/lib/ucf",
            "/var/log/alternatives.log",
            "/var/log/apt",
            "/var/log/dpkg.log",
            "/var/www/html",
        ),
        Backup.NO,
        Move.NEVER,
        "a deploy installs what is missing",
        _NOTHING,
    ),
    Entry(
        "run",
        "sockets, locks, and what the last deploy said",
        "all of them",
        ("/run",),
        Backup.NO,
        Move.NEVER,
        "it does not survive a restart of the machine",
        _NOTHING,
    ),
)

# What commands write into the inventory, on the operator's machine; paths are in its folder.
INVENTORY = (
    Entry(
        "keys",
        "the private DKIM keys, and where each stands in its life",
        "`mailwright keys`, `rotate`",
        ("keys",),
        Backup.AT_ONCE,
        Move.BEFORE,
        "with the inventory",
        "no domain signs, until new keys are published",
    ),
    Entry(
        "tls",
        "private keys and certificates of hosts and web sites",
        "`mailwright keys`, `order`, or the operator",
        ("tls",),
        Backup.AT_ONCE,
        Move.BEFORE,
        "with the inventory",
        "TLSA names keys that no host has: with DANE mail waits until new ones are published",
    ),
    Entry(
        "published",
        "the records that were pushed or merged into each zone",
        "`mailwright push`, `dns --merge`",
        ("published",),
        Backup.FILES,
        Move.BEFORE,
        "with the inventory",
        "nothing in the zones counts as ours, so nothing old is taken out of them",
    ),
    Entry(
        "description",
        "the mail system as it should be, and the accounts that verification uses",
        "the operator, `mailwright init`, `mailbox`, `alias`, `domain`",
        ("hosts.py", "mail.toml", "mailboxes", "sieve", "verify.toml", ".gitignore"),
        Backup.AT_ONCE,
        Move.BEFORE,
        "keep it in version control, without its secrets",
        "everything; the hosts go on as they are",
    ),
)
