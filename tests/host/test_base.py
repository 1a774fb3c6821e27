"""The host itself."""

from testinfra.host import Host

from mailwright.model.host import MailHost


def test_the_host_bears_its_mail_name(host: Host, mail: MailHost) -> None:
    assert host.check_output("hostname") == mail.name
    assert host.check_output("hostname -f") == mail.name


def test_the_host_does_not_take_its_own_name_for_loopback(host: Host, mail: MailHost) -> None:
    addresses = {
        line.split()[0] for line in host.check_output(f"getent ahosts {mail.name}").splitlines()
    }
    assert addresses == set(mail.addresses)


def test_the_host_runs_the_release_that_it_was_rendered_for(host: Host, mail: MailHost) -> None:
    assert host.system_info.release.split(".")[0] == str(mail.debian)


def test_nothing_holds_services_back(host: Host) -> None:
    assert not host.file("/usr/sbin/policy-rc.d").exists
