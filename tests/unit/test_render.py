"""Templates become a picture of the host, or one line each that says what is wrong."""
# ruff: noqa: E501  what users read stands here as they read it: on one line

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest

from mailwright.keys import signing_key
from mailwright.model.problems import Problems
from mailwright.picture.render import picture
from tests.unit.conftest import Folder

DAY = date(2026, 11, 22)


@dataclass
class Templates:
    """A folder of templates that tests write."""

    path: Path

    def put(self, name: str, text: str) -> None:
        target = self.path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)


@pytest.fixture
def templates(tmp_path: Path) -> Templates:
    return Templates(tmp_path / "templates")


def test_a_template_s_path_is_its_destination(folder: Folder, templates: Templates) -> None:
    templates.put("etc/postfix/main.cf.j2", "# {{ origin }}\nmyhostname = {{ host.name }}\n")
    templates.put("etc/postfix/README", "no template")
    assert picture(folder.load().hosts[0], templates.path) == {
        "/etc/postfix/main.cf": (
            "# templates/etc/postfix/main.cf.j2\nmyhostname = mail.example.com\n"
        )
    }


def test_blocks_leave_no_lines_and_nothing_is_escaped(folder: Folder, templates: Templates) -> None:
    text = "{% for domain in host.domains %}\n  {% if true %}\n<{{ domain.name }}>&\n  {% endif %}\n{% endfor %}\n"
    templates.put("x.j2", text)
    assert picture(folder.load().hosts[0], templates.path) == {"/x": "<example.com>&\n"}


def test_variants(folder: Folder, templates: Templates) -> None:
    for variant in ("2.3", "2.4"):
        templates.put(f"etc/dovecot/dovecot.conf@{variant}.j2", f"{variant} {{{{ host.dovecot }}}}")
    templates.put("etc/x@debian13.j2", "trixie")
    first, second = (picture(host, templates.path) for host in folder.load().hosts)
    assert first == {"/etc/dovecot/dovecot.conf": "2.3 2.3"}
    assert second == {"/etc/dovecot/dovecot.conf": "2.4 2.4", "/etc/x": "trixie"}


def test_one_file_per_domain_and_per_key(folder: Folder, templates: Templates) -> None:
    folder.mail += '[domains."example.net"]\nhost = "mail.example.com"\n'
    folder.mail += 'dkim = ["ed25519"]\n'
    templates.put("etc/zones/[domain].conf.j2", "{{ domain.name }} on {{ host.name }}")
    templates.put("var/dkim/[key].key.j2", "{{ key.rspamd_key }} {{ domain.name }}")
    (key,) = signing_key.create(folder.path, [("example.net", "ed25519")], DAY)
    assert picture(folder.load().hosts[0], templates.path) == {
        "/etc/zones/example.com.conf": "example.com on mail.example.com",
        "/etc/zones/example.net.conf": "example.net on mail.example.com",
        "/var/dkim/example.net.mw20261122e.key": f"{key.rspamd_key} example.net",
    }


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("\n\n{{ host.nmae }}", ":3: 'host' has no attribute 'nmae' (did you mean 'name'?)"),
        ("{% for d in host.domains %}\n{{ d.selector }}\n{% endfor %}", ":2: 'domain' has no attribute 'selector'"),
        ("\n{{ hsot.name }}", ":2: 'hsot' is undefined"),
        ("{% if host.ipv4 == nothing %}\n{% endif %}", ":1: 'nothing' is undefined"),
        ("a\n{% for x %}", ":2: expected token 'in', got 'end of statement block'"),
        ("\n{% if true %}\n", ":2: Unexpected end of template."),
        ("\n{{ 1 / 0 }}", ":2: division by zero"),
        ("\n{{ host.name | no_such_filter }}", ":2: No filter named 'no_such_filter'."),
    ],
)  # fmt: skip
def test_mistakes_in_templates(folder: Folder, templates: Templates, text: str, line: str) -> None:
    templates.put("etc/a.cf.j2", text)
    templates.put("etc/good.j2", "")
    templates.put("etc/z.cf.j2", "{{ wrong }}")
    with pytest.raises(Problems) as caught:
        picture(folder.load().hosts[0], templates.path)
    first, second = str(caught.value).splitlines()[0], str(caught.value).splitlines()[-1]
    assert first.startswith(f"templates/etc/a.cf.j2{line}")
    assert second == "templates/etc/z.cf.j2:1: 'wrong' is undefined"


def test_mistakes_in_the_names_of_templates(folder: Folder, templates: Templates) -> None:
    templates.put("etc/dovecot.conf@2.5.j2", "")
    templates.put("etc/a.j2", "")
    templates.put("etc/a@2.3.j2", "")
    with pytest.raises(Problems) as caught:
        picture(folder.load().hosts[0], templates.path)
    assert str(caught.value).splitlines() == [
        "templates/etc/a@2.3.j2: '/etc/a' is written by two templates",
        "templates/etc/dovecot.conf@2.5.j2: '2.5' is no variant; "
        "expected 2.3, 2.4, 3.10, 3.7, acme, debian12, debian13, given, mdbox, ordered or web",
    ]


def test_the_templates_of_the_repository_render(folder: Folder) -> None:
    bare = ("/etc/hostname", "/etc/mailname", "/etc/mailwright/tls/", "/etc/rspamd/dkim/")
    for host in folder.load().hosts:
        files = picture(host)
        for path, text in files.items():
            assert path.startswith(bare) or files.origin(path) in "".join(text.splitlines()[:2])
