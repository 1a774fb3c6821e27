"""A server that somebody set up by hand: the deploy takes its place, and its mail comes along."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lab.lab import Lab
from tests.lab.clients import Curl, Person
from tests.lab.deploys import HOSTS, Deploy, checkout, edit
from tests.lab.test_clients import wait_for
from tests.lab.test_deploy import ask, dry, greeting

OWNERS = {"mail.example.com": "alice@example.com", "mail.example.org": "bob@example.org"}
BY_HAND = {
    "mail.example.com": """
        mail_location = maildir:/var/vmail/%d/%n/Maildir
        disable_plaintext_auth = no
        passdb {
          driver = static
          args = password=by-hand
        }
        userdb {
          driver = static
          args = uid=vmail gid=vmail home=/var/vmail/%d/%n
        }
    """,
    "mail.example.org": """
        mail_driver = maildir
        mail_path = %{home}/Maildir
        mail_inbox_path = %{home}/Maildir
        auth_allow_cleartext = yes
        passdb static {
          password = by-hand
        }
        userdb static {
          fields {
            uid = vmail
            gid = vmail
            home = /var/vmail/%{user|domain}/%{user|username}
          }
        }
    """,
}
# Debian's "Internet Site" with changes of its own, and mail that waits: to a mailbox, to an address
# that will be an alias, and a message that its owner holds back.
SET_UP = """
    set -e
    export DEBIAN_FRONTEND=noninteractive
    echo "postfix postfix/main_mailer_type select Internet Site
postfix postfix/mailname string $DOMAIN" | debconf-set-selections
    apt-get -q update
    apt-get -q -y install --no-install-recommends postfix dovecot-imapd
    useradd -M -u 5000 -d /var/vmail vmail
    install -d -o vmail -g vmail /var/vmail
    useradd ${OWNER%@*}
    postconf -e defer_transports=local smtpd_banner='$myhostname by hand'
    echo "# the rules of our house" >/etc/postfix/house_rules
    install -d /etc/postfix/master.cf.d /etc/rspamd/override.d
    echo "2525 inet n - y - - smtpd" >/etc/postfix/master.cf.d/own.cf
    echo "reject = 1;" >/etc/rspamd/override.d/actions.conf
    grep -q 'include.* conf.d' /etc/dovecot/dovecot.conf
    cat >/etc/dovecot/conf.d/99-own.conf
    echo "# by-hand-secret" >>/etc/dovecot/dovecot.conf
    chmod 600 /etc/dovecot/dovecot.conf
    systemctl restart postfix dovecot
    printf 'Subject: kept\\nDate: Sun, 1 Nov 2026 12:00:00 +0000\\n\\nHello.\\n' |
        doveadm save -u $OWNER
    for to in $OWNER send-only@$DOMAIN held@$DOMAIN; do
        printf "Subject: to ${to%@*}\\n\\nHello.\\n" | sendmail -f someone@sender.invalid $to
    done
    for try in $(seq 60); do
        [ $(find /var/spool/postfix/deferred -type f | wc -l) -lt 3 ] || break
        sleep 0.5
    done
    postsuper -h $(postqueue -p | grep -B 2 held@ | grep -oE '^[0-9A-F]{8,}')
"""


def set_up(lab: Lab, host: str) -> None:
    """A fresh host as its owner had it, before he heard of us."""
    lab.reset(host)
    variables = f"DOMAIN={host.removeprefix('mail.')} OWNER={OWNERS[host]}\n"
    script = variables + SET_UP
    done = lab.ssh(host, script, input=BY_HAND[host], stdin=None, capture_output=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def by_hand(lab: Lab) -> Iterator[Lab]:
    """Both hosts as their owners had set them up; afterwards they hold no mail."""
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda host: set_up(lab, host), HOSTS))
    yield lab
    for host in HOSTS:
        ask(lab, host, f"postsuper -d ALL; doveadm expunge -u {OWNERS[host]} mailbox '*' ALL")


def test_a_server_set_up_by_hand_is_taken_over_without_loss(
    by_hand: Lab, inventory: Path, tmp_path: Path
) -> None:
    told = dry(by_hand, inventory)
    assert "dovecot-lmtpd would be installed" in told
    assert "- smtpd_banner = $myhostname by hand" in told
    assert "/etc/rspamd/override.d/actions.conf would be removed" in told
    assert "by-hand-secret" not in told
    what_does_not_serve_leaves_it_as_it_was(by_hand, inventory, tmp_path)
    Deploy.run(by_hand, inventory).succeeded()
    assert Deploy.count(by_hand, inventory) == 0
    for host, owner in OWNERS.items():
        who = Person.of(by_hand, inventory, owner, host, tmp_path / owner)
        wait_for(written_to(who), "kept", f"to {owner.partition('@')[0]}", "to send-only")
        assert "held@" in ask(by_hand, host, "postqueue -p")
        what_was_there_is_kept_and_has_no_effect(by_hand, host)


def written_to(who: Person) -> Callable[[], list[str]]:
    """Subjects, but of an alarm: on a slow machine the Postfix that cannot start is told of."""
    curl = Curl(who)
    return lambda: [subject for subject in curl.subjects() if " failed (" not in subject]


def what_does_not_serve_leaves_it_as_it_was(lab: Lab, inventory: Path, folder: Path) -> None:
    """A Postfix of ours that cannot start: the one set up by hand goes on."""
    broken = checkout(folder / "checkout")
    smtp = "{{ ports.smtp }}"
    port = f"{smtp}        inet  n       -       y       -       -       smtpd\n"
    edit(broken / "templates/etc/postfix/master.cf.j2", (port, port + port.replace(smtp, "22")))
    said = Deploy.run(lab, inventory, checkout=broken).refused()
    for host in HOSTS:
        assert f"[{host}] postfix does not serve with the new configuration" in said
        assert f"220 {host} by hand" in greeting(lab, host)


def what_was_there_is_kept_and_has_no_effect(lab: Lab, host: str) -> None:
    original = "/etc/mailwright/rollout/*/original/etc"
    for path in ("postfix/main.cf", "postfix/house_rules", "dovecot/dovecot.conf"):
        assert ask(lab, host, f"ls {original}/{path}")
    assert ask(lab, host, f"cat {original}/rspamd/override.d/actions.conf") == "reject = 1;"
    assert "by hand" in ask(lab, host, f"grep smtpd_banner {original}/postfix/main.cf")
    assert ask(lab, host, "cat /etc/postfix/house_rules") == "# the rules of our house"
    assert ask(lab, host, "ls /etc/rspamd/override.d | grep -v example || :") == ""
    assert ask(lab, host, "doveconf -n | grep -E 'static|cleartext = yes' || :") == ""
    assert greeting(lab, host, 2525) == ""
