"""Which test goes red: `python -m tests.mutations --lab NAME` breaks the templates, line by line.

Every line of a template that promises something is deleted or turned into its opposite in a copy of
the repository. That is deployed to a host of the lab, which is put back to a snapshot before, and
the tests that could know are run: those of TESTS, never those that compare a host with its own
picture. Who noticed is written to docs/mutations.md after every deploy, and a run goes on where
the last one ended. Mutants whose tests have nothing in common share a deploy.

    python -m tests.mutations --list                    what there is, and nothing is run
    python -m tests.mutations --lab NAME --only vrfy    lines and files that match, again
    python -m tests.mutations --lab NAME --debian 12    on the other release
    python -m tests.mutations --lab NAME --in-lab       survivors, with tests that make a lab
"""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from xml.etree import ElementTree

import click

from lab.lab import Lab
from mailwright.inventory.load import load
from mailwright.picture.render import picture
from tests.lab.deploys import ROOT, Deploy

REPORT = ROOT / "docs" / "mutations.md"
HOSTS = {12: "mail.example.com", 13: "mail.example.org"}
NOBODY = "**nobody**"
ELSEWHERE = "no such line"
DEPLOY = "the deploy"
IN_LAB = "lab/"  # how the name of a test begins that makes a lab of its own

# The templates, and how a line of each looks: what comes before, the name, the value, the end.
ASSIGNMENT = r"(\s*)([\w/]+)\s*=\s*(.*?)(;?)$"
DIRECTIVE = r"(\s*)([a-z_]+) (.*)(;)$"
FILES = {
    "postfix/main.cf.j2": ASSIGNMENT,
    "postfix/master.cf.j2": r"(  -o )(\w+)=(.*)()$",
    "dovecot/dovecot.conf@2.4.j2": ASSIGNMENT,
    "dovecot/dovecot.conf@2.3.j2": ASSIGNMENT,
    "dovecot/sieve/spam.sieve.j2": r"(\s*)(if header|fileinto|stop)(.*?)()$",
    "rspamd/rspamd.local.lua.j2": r"(\s*)(return refuse|if logins|if #)(.*)()$",
    **{
        f"rspamd/local.d/{name}.j2": ASSIGNMENT
        for name in (
            *("actions.conf", "classifier-bayes.conf", "dkim_signing.conf", "dmarc.conf"),
            *("fuzzy_check.conf", "greylist.conf", "history_redis.conf", "milter_headers.conf"),
            *("neural.conf", "options.inc", "ratelimit.conf", "replies.conf"),
            *("worker-controller.inc", "worker-normal.inc", "worker-proxy.inc"),
        )
    },
    "nginx/nginx.conf@web.j2": DIRECTIVE,
    "nginx/site.conf@web.j2": DIRECTIVE,
    "nftables.conf.j2": r"(\t\t)(type filter|ct state \w+|iif|icmpv6|icmp|tcp|meta)\b(.*)()$",
    "unbound/unbound.conf.d/mailwright.conf.j2": r"(    )([\w-]+:) (.*)()$",
}
SERVICE = r"(?:\[.*?\]:)?(?:{{ ports\.)?({{ ports\[name\]|[\w-]+)(?: }})? "
ONLY_ON = {"@2.3": 12, "@2.4": 13}

# The opposite of a value. A number becomes ten times as much, a list loses each of its words in
# turn, and anything else goes.
OPPOSITES = {
    "yes": "no",
    "no": "yes",
    "true": "false",
    "false": "true",
    "on": "off",
    "off": "on",
    "may": "none",
    "encrypt": "may",
    "dane": "may",
    "dnssec": "enabled",
    "high": "low",
    "required": "yes",
    "tempfail": "accept",
    "normalize": "no",
    "unlimited": "1",
    "TLSv1.2": "TLSv1",
    ">=TLSv1.2": ">=TLSv1",
    "return-fail": "return-ok",
}
LISTS = re.compile(
    r"smtpd_\w+_restrictions|protocols|auth_mechanisms|mail_plugins|use|"
    r"sieve_plugins|sieve_global_extensions|imapsieve_mailbox\d_causes|ssl_protocols|mynetworks"
)

# What else a line could become, by file and line: worse than its opposite, or refused as that is.
_MAIN = "postfix/main.cf.j2"
WORSE = {
    (_MAIN, r"smtpd_relay_restrictions = .*"): (
        "smtpd_relay_restrictions = permit, reject_unauth_destination"
    ),
    (_MAIN, r"smtpd_recipient_restrictions ="): "smtpd_recipient_restrictions = permit",
    (_MAIN, r"mynetworks = .*"): "mynetworks = 0.0.0.0/0 [::]/0",
    ("nftables.conf.j2", r"\t\ttype filter hook input .*"): (
        "\t\ttype filter hook input priority filter; policy accept; accept"
    ),
}

# Lines that promise nothing which anybody outside could see, and why.
NO_PROMISE = {
    r"compatibility_level|dovecot_(config|storage)_version": "what a release means by its defaults",
    r"smtpd_tls_mandatory_protocols|ssl_min_protocol": "no suite is left that an older TLS has",
    r"srs -o smtp_tls_security_level": "the loopback offers no TLS",
    r"loglevel|log_level|access_log|error_log|syslog_name|val-log-level": "what a log says",
    r"sieve_max_cpu_time": "nothing that an owner's script may use takes so long",
    r"redirect_envelope_from": "Dovecot's default, said because what is signed depends on it",
    r"smtpd_banner|delay_warning_time|_queue_lifetime": "words, and times of hours and days",
    r"myorigin|biff|local_recipient_maps| alias_maps =|alias_database": "Debian's default names "
    "files that a host here does not have, and local(8) is never used",
    r"enable_long_queue_ids|prefetch|map_file_watch|worker_processes|count =|_hash_|session_cache|"
    r"process_min_avail|process_limit|client_limit|service_count|restart_request_count|vsz_limit": (
        "how fast, and how much of it at once, which the benchmarks measure"
    ),
    r"user www-data|pid /run|include |default_type|charset|mime.types": "the web server does not "
    "start without it, or shows nothing",
    r"tls_preempt|tls_eecdh|prefer_server|server_prefer": "which of the suites comes first",
    r"mail_driver|mail_path|mail_location|mail_inbox_path|mail_[ug]id|valid_uid": "no mail is "
    "found without it",
    r"driver = passwd-file|passwd_file_path": "nobody gets in without it",
    r"mailbox_list_index|use_redis|upstream|self_scan|default =": "how it is done, not what",
    r"dovecot.conf\S* service .*(unix_listener|quota-warning|quota-status) .*(mode|user|group) =": (
        "no delivery finds the socket without it"
    ),
}


@dataclass(frozen=True)
class Mutant:
    """One line of a template, and what it becomes; nothing when it goes."""

    file: str
    place: str  # the blocks that it stands in
    line: str
    becomes: str
    number: int

    @property
    def name(self) -> str:
        """By this it is found again, wherever its line has moved to."""
        return " ".join(f"{self.file} {self.place} {self.line}".split())

    def __str__(self) -> str:
        return f"{self.name} -> {self.becomes.strip() or '(gone)'}"

    @property
    def releases(self) -> tuple[int, ...]:
        """The releases whose hosts have the file."""
        only = [debian for mark, debian in ONLY_ON.items() if mark in self.file]
        return tuple(only) or (13, 12)

    @property
    def key(self) -> tuple[str, str, str]:
        """As the report names it."""
        return self.file, f"{self.place} {self.line}".strip(), self.becomes.strip() or "(gone)"

    @property
    def tests(self) -> tuple[str, ...]:
        """Which tests could know, as far as they run against a deployed host."""
        return tuple(test for test in _map(self.name) if not test.startswith(IN_LAB))

    @property
    def lab_tests(self) -> tuple[str, ...]:
        """Which tests could know that make a lab of their own."""
        return tuple(test for test in _map(self.name) if test.startswith(IN_LAB))

    def apply(self, checkout: Path) -> None:
        """Break the line in a copy of the repository."""
        path = checkout / "templates/etc" / self.file
        lines = path.read_text().split("\n")
        lines[self.number] = self.becomes
        path.write_text("\n".join(lines))


def mutants(templates: Path = ROOT / "templates/etc") -> Iterator[Mutant]:
    """Of all lines, in their order; several lines that say the same in one place are one."""
    seen = set()
    there = [file for file in FILES if (templates / file).exists()]
    for file, pattern in ((file, FILES[file]) for file in there):
        for mutant in _derived(file, (templates / file).read_text(), pattern):
            if mutant.key not in seen and not reason(mutant):
                seen.add(mutant.key)
                yield mutant


def reason(mutant: Mutant) -> str:
    """Why a line promises nothing; empty where it does."""
    return next((why for line, why in NO_PROMISE.items() if re.search(line, mutant.name)), "")


def _derived(file: str, text: str, pattern: str) -> Iterator[Mutant]:
    blocks: list[str] = []
    for number, line in enumerate(text.split("\n")):
        bare = line.strip()
        if file.endswith("master.cf.j2") and (service := re.match(SERVICE, line)):
            blocks = [{"{{ ports[name]": "465 and 587"}.get(service[1], service[1])]
        if not bare or bare.startswith(("#", "--", "{%")) or line.startswith("{{ ports"):
            continue
        if bare.endswith("{") and "nftables" not in file and not bare.startswith("if "):
            blocks.append(bare.rstrip(" {").replace("{{ ", "").replace(" }}", ""))
            continue
        if bare in ("}", "};"):
            blocks[-1:] = []
            continue
        for (where, what), becomes in WORSE.items():
            if where == file and re.fullmatch(what, line):
                yield Mutant(file, " > ".join(blocks), bare, becomes, number)
        if found := re.match(pattern, line):
            place = " > ".join(blocks)
            before, name, value, end = found.groups()
            for becomes in _opposites(before, name, value, end, line):
                if becomes != line:
                    yield Mutant(file, place, bare, becomes, number)
        elif file.endswith("main.cf.j2") and line.startswith("    "):
            yield Mutant(file, "", bare, "", number)  # one word of a list


def _words(value: str) -> list[str]:
    """Of a list, whatever stands between them."""
    return re.findall(r"[^\s,]+", value.strip("[]"))


def _opposites(before: str, name: str, value: str, end: str, line: str) -> Iterator[str]:
    """The lines that it becomes."""

    def written(new: str) -> str:
        return line.replace(value, new, 1) if value else line

    plain = value.strip('"')
    if LISTS.fullmatch(name) and len(words := _words(value)) > 1:
        between = ", " if ", " in value else "," if "," in value else " "
        # A table without check_sender_access before it is asked for the sender as well.
        for word in (word for word in words if word[0] != "$" and word != "check_sender_access"):
            yield written(between.join(each for each in words if each != word))
    elif name == "type filter":
        yield line.replace("policy drop", "policy accept")
    elif plain in OPPOSITES:
        yield (
            line.replace(plain, OPPOSITES[plain])
            if plain != value
            else re.sub(
                rf"({re.escape(name)}\s*[=:]?\s*){re.escape(value)}",
                rf"\g<1>{OPPOSITES[value]}",
                line,
            )
        )
    elif number := re.match(r"[1-9]\d*(?=[smhdkKMG]?$)", plain):
        yield re.sub(rf"({re.escape(name)}\W*){number[0]}", rf"\g<1>{int(number[0]) * 10}", line)
    elif name.startswith(("return refuse", "if logins", "if #")):
        yield {
            "return refuse": f"{before}return",
            "if logins": f"{before}if true then return true end if logins then",
            "if #": f"{before}if false then",
        }[name]
    elif name == "if header":
        yield f"{before}if false {{"
    elif value or name == "stop":
        yield ""


# Who could know, by what is looked for in file, place and line; the first that fits counts. A test
# is a file of tests/host, or one test in it; a name that begins with lab/ is of tests/lab.
TESTS = {
    # Postfix
    "main.cf.* myhostname": "postfix::greeting srs::forwarded_mail",
    "main.cf.* inet_protocols": "firewall::exactly firewall::every",
    "main.cf.* mynetworks": "postfix::relay postfix::use_up",
    "main.cf.* (mydestination|virtual_alias_domains)": (
        "addresses::alias_domain postfix::postmaster"
    ),
    "main.cf.* virtual_mailbox_domains": "mail::another_server",
    "main.cf.* virtual_mailbox_maps": "use::mail_is_taken postfix::unknown_recipient",
    "main.cf.* virtual_alias_maps": "addresses::alias_reaches addresses::catch_all",
    "main.cf.* virtual_transport": "mail::another_server",
    "main.cf.* recipient_delimiter": "mail::plus_address",
    "main.cf.* default_transport": "srs::forwarded_mail",
    "main.cf.* sender_dependent_default_transport": "srs::our_own_users",
    "main.cf.* recipient_canonical": "srs::bounce srs::only_senders",
    "main.cf.* message_size_limit": "postfix::size_limit",
    "main.cf.* (virtual_mailbox_limit|mailbox_size_limit)": "postfix::warning mail::another_server",
    "main.cf.* smtpd_helo_required": "postfix::does_not_greet",
    "main.cf.* disable_vrfy_command": "postfix::vrfy",
    "main.cf.* strict_rfc821": "postfix::envelope",
    "main.cf.* smtpd_relay_restrictions": "postfix::relay",
    "main.cf.* reject_non_fqdn": "postfix::unknown_recipient postfix::relay",
    "main.cf.* reject_unlisted": "postfix::unknown_recipient",
    "main.cf.* (check_policy_service|smtpd_recipient_restrictions)": "quota::refuses_at_rcpt",
    "main.cf.* smtputf8": "postfix::internationalised",
    "main.cf.*bare_newline": "attacks::ends_in_one_way",
    "main.cf.*unauth_pipelining": "postfix::wait_for_an_answer",
    "main.cf.*rate_limit": "postfix::use_up",
    "main.cf.* smtpd_sasl_auth_enable": "postfix::never_a_login",
    "main.cf.* smtpd_sasl": "mail::leaves_signed",
    "main.cf.* smtpd_sender_login_maps": "postfix::own_the_address postfix::owner_of_an_alias",
    "main.cf.* smtpd_tls_auth_only": "attacks::smtp_takes_no_password",
    "main.cf.* smtpd_tls_chain_files": "tls::certificate_is_valid",
    "main.cf.* smtpd_tls_security_level": "postfix::starttls",
    "main.cf.* smtpd_tls.*(protocols)": "tls::old_tls",
    "main.cf.* smtpd_tls.*(ciphers)": "tls::exactly_the_suites",
    "main.cf.* smtpd_tls_received": "mail::another_server",
    "main.cf.* smtp_(tls|dns)": "lab/test_outbound.py lab/test_web.py::test_a_server",
    "main.cf.* (smtpd_milters)": "mail::another_server mail::leaves_signed",
    "main.cf.* non_smtpd_milters": "mail lab/test_filters.py::test_vacation",
    "main.cf.* milter_default_action": "lab/test_drill.py::test_without_the_filter",
    "main.cf.* internal_mail_filter": "mail",
    "main.cf.* authorized_submit": "sieve::only_root",
    "main.cf.* smtp_bind_address": "lab/test_outbound.py::test_mail_leaves_from",
    "main.cf.* (disable_mime_output|smtp_line_length|lmtp_line_length)": (
        "lab/test_bounces.py::test_8_bit lab/test_bounces.py::test_what_somebody"
    ),
    "main.cf.* message_strip": "lab/test_identity.py::test_a_from",
    "main.cf.* header_checks": "mail::nobody_else_says",
    "main.cf": "postfix mail",
    "master.cf.* scripts ": "sieve::script",
    "master.cf.* soft_bounce": "lab/test_bounces.py::test_whatever",
    "master.cf.* 465 and 587 -o smtpd_tls_security_level": ("attacks::smtp_takes_no_password"),
    "master.cf.* 465 and 587 -o smtpd_sasl_auth": "mail::leaves_signed",
    "master.cf.* 465 and 587 -o smtpd_forbid_unauth": "postfix::at_once",
    "master.cf.* 465 and 587 -o smtpd_sender_res": "postfix::own_the_address",
    "master.cf.* 465 and 587 -o smtpd_(relay|recipient)_res": (
        "postfix::without_a_login mail::leaves_signed"
    ),
    "master.cf.* 465 and 587 -o milter_macro": "mail::leaves_signed mail::header_from",
    "master.cf.* 465 and 587 -o (cleanup_service|smtpd_hide)": "mail::clients_address",
    "master.cf.* submission-cleanup": "mail::clients_address",
    "master.cf": "srs lab/test_filters.py::test_a_script",
    # Dovecot
    "dovecot.conf.*(shared|Shared|mailbox.address)": "sharing",
    "dovecot.conf.* (regex|sieve_(global_)?extensions)": "sieve::owner",
    "dovecot.conf.* (sieve_quota|sieve_max)": "sieve::fill_the_disk lab/test_filters.py",
    "dovecot.conf.* (sieve =|sieve_before|sieve_default|sieve_after|active_path)": (
        "mail::spam_folder lab/test_filters.py"
    ),
    "dovecot.conf.* quota_(grace|trash|rule3|storage_perc|message_perc)": "quota::full_mailbox",
    "dovecot.conf.* quota_status": "quota::refuses_at_rcpt",
    "dovecot.conf.* quota_warning|dovecot.conf.* > warning|execute": "quota::warns",
    "dovecot.conf.* shutdown_clients": "lab/test_acme.py::test_a_renewal",
    "dovecot.conf.* (protocols|imap = |pop3 = |lmtp = |sieve = )": (
        "firewall::exactly mail::pop3 sieve::offered"
    ),
    "dovecot.conf.* listen ": "firewall::every",
    "dovecot.conf.* (hostname|postmaster_address)": (
        "dovecot::warning lab/test_filters.py::test_vacation"
    ),
    "dovecot.conf.* recipient_delimiter": "mail::plus_address quota::refuses",
    "dovecot.conf.* (ssl = |auth_allow_cleartext|disable_plaintext)": (
        "attacks::password_without_tls"
    ),
    "dovecot.conf.* ssl_cipher_list": "tls::exactly_the_suites",
    "dovecot.conf.* (ssl_|auth_mechanisms|plain = |login = )": (
        "tls::certificate_is_valid dovecot::lets use"
    ),
    "dovecot.conf.* acl_(driver|glob)": "sharing",
    "dovecot.conf.* userdb (alias|list|catch-all)": "quota::refuses_at_rcpt",
    "dovecot.conf.* (imap_quota|.mail_plugins quota acl.*plugins acl|mail_plugins quota = )": (
        "dovecot::client_sees quota::refuses_at_rcpt"
    ),
    "dovecot.conf.* (mail_plugins quota acl|mail_plugins acl = )": "sharing",
    "dovecot.conf.* (imap_sieve|learn-)": "sieve::taught",
    "dovecot.conf.* (passdb|userdb|auth_username)": "use dovecot::lets dovecot::case",
    "dovecot.conf.* (plugin|quota|Trash|Fetched).*(quota|Fetched)": (
        "quota pop3 dovecot lab/test_use.py::test_what_was_fetched"
    ),
    "dovecot.conf.* autoexpunge": "lab/test_use.py::test_what_was_fetched",
    "dovecot.conf.* (inbox|Drafts|Sent|Junk|Trash).*(auto =|special_use|separator)": (
        "dovecot::special_folders"
    ),
    "dovecot.conf.* pop3_lock": "lab/test_use.py::test_a_second_pop3",
    "dovecot.conf.* pop3_uidl": "pop3::names_of_messages",
    "dovecot.conf.* pop3": "pop3 mail::pop3",
    "dovecot.conf.* lmtp_user_concurrency": "dovecot::burst",
    "dovecot.conf.* protocol lda": "quota",
    "dovecot.conf.* (sieve|imapsieve)": "sieve mail::spam lab/test_filters.py lab/test_learning.py",
    "dovecot.conf.* port = .*sieve": "firewall::exactly",
    "dovecot.conf.* quota-status": "quota::refuses_at_rcpt",
    "dovecot.conf.* quota-warning": "quota::warns",
    "dovecot.conf.*userip_connections": "attacks::as_many_programs",
    "dovecot.conf.* (quota_status_toolarge|prlimit)": "lab/test_bounces.py::test_no_client",
    "dovecot.conf": "dovecot mail quota pop3 sieve sharing",
    "spam.sieve": "mail::spam_folder mail::scores lab/test_filters.py",
    # Rspamd
    "actions.conf": "mail::spam_folder mail::scores",
    "dkim_signing": (
        "mail::leaves_signed mail::in_our_name mail::another_hosts_domain lab/test_filters.py"
    ),
    "dmarc.conf": "lab/test_outbound.py::test_what_is_forwarded",
    "milter_headers": "mail::another_server mail::spam_folder",
    "options.inc": "rspamd::test_string mail::spam_folder",
    "worker-controller": "rspamd sieve::teaches",
    "worker-proxy": "rspamd mail::another_server",
    "classifier-bayes": "lab/test_learning.py redis",
    "worker-normal": "rspamd::listens",
    "rspamd.local.lua": "mail::header_from mail::that_programs_read mail::nobody_else_says"
    " sieve sharing::sent_as",
    "rspamd/local.d": "rspamd redis mail::another_server",
    # What else is there
    "site.conf|nginx.conf": "nginx tls::exactly_the_suites",
    "nftables": "firewall base",
    "srs": "srs",
    "unbound": "unbound",
}


def _map(name: str) -> list[str]:
    """Unknown lines are everybody's."""
    return next((tests.split() for line, tests in TESTS.items() if re.search(line, name)), [])


# -- finding out -----------------------------------------------------------------------------------


@dataclass
class Bench:
    """A host of a lab that is broken again and again."""

    lab: Lab
    debian: int
    snapshot: str
    inventory: Path
    ends: float

    @property
    def host(self) -> str:
        """Its name."""
        return HOSTS[self.debian]

    def notice(self, broken: Sequence[Mutant]) -> Iterator[tuple[Mutant, str]]:
        """Who noticed each; what the deploy refuses, or leaves a daemon dead, is tried alone."""
        if time.monotonic() > self.ends:
            return
        with TemporaryDirectory(prefix="mutations-") as folder:
            tree = _copy(Path(folder) / "tree", broken)
            self.lab.reset(self.host, self.snapshot)
            deploy = Deploy.run(self.lab, self.inventory, "--limit", self.host, checkout=tree)
            if deploy.code and len(broken) == 1:
                yield broken[0], DEPLOY
                return
            red = set() if deploy.code else self.red({t for m in broken for t in m.tests})
            idle = {m for m in broken if not self.changes(m)} if not deploy.code else set()
        if deploy.code:
            half = len(broken) // 2
            yield from self.notice(broken[:half])
            yield from self.notice(broken[half:])
            return
        for mutant in broken:
            said = ", ".join(sorted(t for t in red if _is(t, mutant))) or NOBODY
            yield mutant, ELSEWHERE if mutant in idle else said

    def changes(self, mutant: Mutant) -> bool:
        """Whether this host has the line at all: some are for one release, or one kind of host."""
        host = next(each for each in load(self.inventory).hosts if each.name == self.host)
        with TemporaryDirectory(prefix="mutations-") as folder:
            templates = Path(folder) / "templates"
            shutil.copytree(ROOT / "templates", templates)
            mutant.apply(Path(folder))
            return picture(host, templates) != picture(host)

    def always_red(self, tests: set[str]) -> set[str]:
        """The tests among these that fail though nothing is broken."""
        if not tests:
            return set()
        self.lab.reset(self.host, self.snapshot)
        Deploy.run(self.lab, self.inventory, "--limit", self.host).succeeded()
        return self.red(tests)

    def red(self, tests: set[str]) -> set[str]:
        """The tests among these that fail, by file and name."""
        files = sorted({f"tests/host/test_{test.partition('::')[0]}.py" for test in tests})
        with TemporaryDirectory(prefix="mutations-") as folder:
            result = Path(folder, "result.xml")
            command = [sys.executable, "-m", "pytest", *files, "-q", f"--junitxml={result}"]
            command += ["--inventory", str(self.inventory), "-p", "no:cacheprovider"]
            command += ["-k", f"{self.host} and ({_expression(tests)})"]
            options = {"stdin": subprocess.DEVNULL, "capture_output": True}
            done = self.lab.run(command, cwd=ROOT, timeout=900, **options)
            if done.returncode == 5:
                return set()
            return set(_failures(result))


def _expression(tests: Iterable[str]) -> str:
    """For pytest -k."""
    each = [test.partition("::") for test in sorted(tests)]
    return " or ".join(
        f"(test_{file}.py and {name})" if name else f"test_{file}.py" for file, _, name in each
    )


def _failures(result: Path) -> Iterator[str]:
    for case in ElementTree.parse(result).iter("testcase"):
        if case.find("failure") is not None or case.find("error") is not None:
            file = case.get("classname", "").rpartition("test_")[2]
            yield f"{file}::{case.get('name', '').partition('[')[0].removeprefix('test_')}"


def _is(test: str, mutant: Mutant) -> bool:
    """Whether the test is one that could know."""
    file, _, name = test.partition("::")
    wanted = [each.partition("::") for each in mutant.tests]
    return any(file == f and (not part or part in name) for f, _, part in wanted)


def _copy(target: Path, broken: Iterable[Mutant]) -> Path:
    """The repository with these lines broken, and its tests."""
    ignored = shutil.ignore_patterns(".*", "__pycache__", "docs", "bench")
    shutil.copytree(ROOT, target, ignore=ignored)
    for mutant in broken:
        mutant.apply(target)
    return target


def _batches(found: Sequence[Mutant]) -> Iterator[list[Mutant]]:
    """Mutants that no test tells of twice, at most a dozen each."""
    left = list(found)
    while left:
        batch, taken, rest = list[Mutant](), set[str](), list[Mutant]()
        for mutant in left:
            mine = {*mutant.tests}
            names = {m.partition("::")[0] for m in taken if "::" not in m}
            clash = mine & taken or {t.partition("::")[0] for t in mine} & names
            clash = clash or {t for t in mine if "::" not in t} & {
                t.partition("::")[0] for t in taken
            }
            if len(batch) < 12 and not clash:
                batch.append(mutant)
                taken |= mine
            else:
                rest.append(mutant)
        yield batch
        left = rest


def _in_lab(mutant: Mutant, lab: str) -> str:
    """Which tests with a lab of their own notice a mutant."""
    with TemporaryDirectory(prefix="mutations-") as folder:
        tree, result = _copy(Path(folder) / "tree", [mutant]), Path(folder, "result.xml")
        tests = [f"tests/{test}" for test in mutant.lab_tests]
        files = sorted({test.partition("::")[0] for test in tests})
        names = " or ".join(t.partition("::")[2] or Path(t).name for t in tests)
        command = [
            sys.executable,
            "-m",
            "pytest",
            *files,
            "-k",
            names,
            "-q",
            "-p",
            "no:cacheprovider",
        ]
        env = {**os.environ, "PYTHONPATH": str(tree), "MAILWRIGHT_TEST_LAB": lab}
        command.append(f"--junitxml={result}")
        subprocess.run(command, cwd=tree, env=env, stdin=subprocess.DEVNULL, capture_output=True)
        return ", ".join(sorted({f"lab/{test}" for test in _failures(result)})) or NOBODY


# -- the report ------------------------------------------------------------------------------------

Results = dict[tuple[str, str, str], dict[int, str]]
_HEAD = """# Which test goes red

`python -m tests.mutations` wrote this page. Each row is a line of a template that was deleted or
turned into its opposite and deployed, and which tests failed then, on Debian 13 and 12. Tests that
compare a host with its own picture are left out. What is not here has not been tried yet.
"""


def _read() -> Results:
    """What the report knows."""
    found: Results = {}
    file = ""
    for line in REPORT.read_text().splitlines() if REPORT.exists() else []:
        if line.startswith("## "):
            file = line.removeprefix("## ").strip("`")
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if len(cells) == 4 and cells[0].startswith("`"):
            before, after = (cell.strip("`").replace("\\|", "|") for cell in cells[:2])
            told = {13: cells[2], 12: cells[3]}
            if said := {d: s for d, s in told.items() if s not in ("", "-")}:
                found[file, before, after] = said
    return found


def _write(found: Results, known: Sequence[Mutant]) -> None:
    """The report, with a total; what is not derived any more has left its template."""
    told = [found.get(m.key, {}) for m in known]
    tried, survived = sum(map(bool, told)), sum(NOBODY in each.values() for each in told)
    lines = [_HEAD, f"{len(known)} mutants, {tried} tried, {survived} noticed by nobody.\n"]
    for file in FILES:
        mine = [m for m in known if m.file == file and found.get(m.key)]
        if mine:
            lines += [
                f"\n## `{file}`\n",
                "| line | becomes | Debian 13 | Debian 12 |",
                "|---|---|---|---|",
            ]
        for mutant in mine:
            _, before, after = mutant.key
            cells = [f"`{each}`".replace("|", "\\|") for each in (before, after)]
            said = found.get(mutant.key, {})
            cells += [said.get(d, "" if d in mutant.releases else "-") for d in (13, 12)]
            lines.append(f"| {' | '.join(cells)} |")
    gone = sorted({*found} - {m.key for m in known})
    if gone:
        lines += [
            "\n## Lines that are gone\n",
            *(f"- `{file}`: `{line}`" for file, line, _ in gone),
        ]
    lines += ["\n## Lines that promise nothing which a test could see\n"]
    lines += [f"- `{line}`: {why}".replace("|", "\\|") for line, why in NO_PROMISE.items()]
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_text("\n".join(lines) + "\n")


@click.command()
@click.option("--lab", "name", help="A lab that is up, and that nobody else uses.")
@click.option("--debian", default="13", type=click.Choice(["12", "13"]), show_default=True)
@click.option("--only", help="Lines whose name matches this, also those that the report has.")
@click.option(
    "--snapshot", default="deployed", show_default=True, help="What the host is put back to."
)
@click.option("--minutes", default=600.0, help="Begin nothing new after that.")
@click.option("--in-lab", is_flag=True, help="Try survivors with the tests that make a lab.")
@click.option("--list", "listed", is_flag=True, help="Print the mutants and who could know.")
def main(
    name: str, debian: str, only: str, snapshot: str, minutes: float, in_lab: bool, listed: bool
) -> None:
    """Break the templates line by line, and write down which test notices."""
    known, found = [*mutants()], _read()
    release = int(debian)
    wanted = [m for m in known if not only or re.search(only, str(m), re.I)]
    if listed:
        for mutant in wanted:
            print(f"{mutant}: {' '.join(_map(mutant.name))}")
        print(f"{len(wanted)} of {len(known)} mutants")
        of_nothing = [line for line in TESTS if not any(re.search(line, m.name) for m in known)]
        print(f"In TESTS, but in no template: {' '.join(of_nothing) or 'nothing'}")
        return
    wanted = [m for m in wanted if release in m.releases]
    ends = time.monotonic() + minutes * 60
    if in_lab:
        for mutant in [
            m for m in wanted if found.get(m.key, {}).get(release) in (NOBODY, None) and m.lab_tests
        ]:
            if time.monotonic() < ends:
                _tell(known, mutant, release, _in_lab(mutant, f"{name}t"))
        return
    lab = Lab(name)
    bench = Bench(lab, release, snapshot, Path(lab.status()["inventory"]), ends)
    left = [m for m in wanted if m.tests and (only or release not in found.get(m.key, {}))]
    told: dict[Mutant, str] = {}
    for batch in _batches(left):
        for mutant, who in bench.notice(batch):
            told[mutant] = who
            _tell(known, mutant, release, who)
    noticed = {test for who in told.values() for test in who.split(", ") if "::" in test}
    false = bench.always_red(noticed)
    for mutant, who in told.items():
        tests = who.split(", ")
        if {*tests} & false:
            _tell(known, mutant, release, ", ".join(t for t in tests if t not in false) or NOBODY)
    lab.reset(bench.host, snapshot)


def _tell(known: Sequence[Mutant], mutant: Mutant, release: int, who: str) -> None:
    """Write it down at once; another process may do the same for the other release."""
    print(f"{who:40} {mutant}", flush=True)
    found = _read()
    found.setdefault(mutant.key, {})[release] = who
    _write(found, known)


if __name__ == "__main__":
    main()
