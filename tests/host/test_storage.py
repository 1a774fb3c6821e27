"""Mail is kept on disk in the format of the inventory, and what is deleted gives its space back."""

from testinfra.host import Host

from mailwright.model.host import MailHost
from mailwright.model.storage import FOLDERS, MDBOX


def test_mail_is_kept_in_the_format_of_the_inventory(host: Host, mail: MailHost) -> None:
    setting = "mail_location" if mail.dovecot == "2.3" else "mail_driver"
    value = host.check_output(f"doveconf -h {setting}")
    assert value.partition(":")[0] == mail.mail_driver


def test_no_mail_is_hidden_in_another_format(host: Host, mail: MailHost) -> None:
    others = " -o ".join(f"-name {name}" for name in FOLDERS.values() if name != mail.mail_folder)
    letters = "-path '*/cur/*' -o -path '*/new/*' -o -path '*/storage/m.*'"
    look = f"find -L /var/vmail -mindepth 3 -maxdepth 3 '(' {others} ')'"
    assert host.check_output(f"{look} -exec find -L {{}} -type f '(' {letters} ')' ';'") == ""


def test_a_timer_gives_the_space_of_deleted_mail_back(host: Host, mail: MailHost) -> None:
    timer = host.service("mailwright-compact.timer")
    wanted = mail.mail_driver == MDBOX
    assert (timer.is_running, timer.is_enabled if timer.exists else False) == (wanted, wanted)
    result = host.check_output("systemctl show -P Result mailwright-compact.service")
    assert result == "success"
