"""Every file is the one that was rendered, and the daemons have loaded it."""

import hashlib

from testinfra.host import Host

from mailwright.model.host import MailHost
from mailwright.picture.render import picture
from rollout.observed import serving


def test_every_file_is_as_rendered(host: Host, mail: MailHost) -> None:
    wanted = {
        path: hashlib.sha256(text.encode()).hexdigest() for path, text in picture(mail).items()
    }
    lines = host.check_output(f"sha256sum {' '.join(wanted)}").splitlines()
    found = {path: digest for digest, path in (line.split() for line in lines)}
    assert found == wanted


def test_every_daemon_has_loaded_it_and_answers(host: Host, mail: MailHost) -> None:
    """What a deploy asks before it says that there is nothing to do."""
    asks = host.check_output("ls /etc/mailwright/rollout/*/asks").split()
    told = host.check_output(
        f"{serving(mail.loopback, mail.addresses)} 0 {' '.join(asks)}"
    ).splitlines()
    assert sorted(told) == sorted(f"A {file}" for file in asks)


def test_only_root_sees_what_a_rollout_stages(host: Host) -> None:
    assert host.check_output("stat -c '%U %a' /etc/mailwright/rollout") == "root 700"


def test_no_secret_is_readable_by_everybody(host: Host, mail: MailHost) -> None:
    folders = "/etc/mailwright/tls /etc/dovecot/users /etc/rspamd/dkim"
    assert host.check_output(f"find {folders} -type f -perm /o+rwx") == ""


def test_no_service_has_failed(host: Host) -> None:
    assert host.check_output("systemctl list-units --failed --plain --no-legend") == ""
