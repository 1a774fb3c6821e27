"""The real daemons accept every golden picture, on the release that it is for."""

import io
import tarfile
from pathlib import Path, PurePosixPath

import pytest

from lab.lab import Lab
from mailwright.model.host import MailHost
from mailwright.picture.render import picture
from roles.dovecot import SERVICE as DOVECOT
from roles.firewall import SERVICE as FIREWALL
from roles.nginx import SERVICE as NGINX
from roles.postfix import service as postfix
from roles.rspamd import SERVICE as RSPAMD
from roles.tls import SERVICE as TLS
from tests.inventories import complete

INVENTORIES = Path(__file__).parents[1] / "golden" / "inventories"
HOSTS = {12: "mail.example.com", 13: "mail.example.org"}

TREES = "/etc/postfix /etc/dovecot /etc/rspamd /etc/nginx"

# As rollout/rollout.sh rehearses: the picture over a copy of what Debian has there.
REHEARSE = f"""
set -eu
rm -rf /run/golden
mkdir -p /run/golden/etc/mailwright/tls
for tree in {TREES}; do cp -a $tree /run/golden$tree; done
rm -rf /run/golden/etc/nginx/sites  # those of other domains, whose certificates go as well
tar -C /run/golden -xf -
export NEXT=/run/golden LIVE= LOADED=/etc/mailwright/rollout/postfix/loaded
unshare --mount --propagation private sh -eu /run/golden/check 2>&1
rm -rf /run/golden
"""
CHECK = f"""
for tree in {TREES} /etc/mailwright/tls; do mount --bind $NEXT$tree $tree; done
"""


@pytest.mark.parametrize("name", sorted(path.name for path in INVENTORIES.iterdir()))
@pytest.mark.parametrize("debian", [12, 13])
def test_the_daemons_accept_the_picture(
    deployed: Lab, tmp_path: Path, name: str, debian: int
) -> None:
    inventory = complete(INVENTORIES / name, tmp_path)
    host = next(host for host in inventory.hosts if host.debian == debian)
    services = (TLS, DOVECOT, RSPAMD, postfix(host.postfix_unit), NGINX, FIREWALL)
    check = CHECK + "".join(f"({service.functions}\nbuild; check)\n" for service in services)
    tar = tmp_path / "picture.tar"
    tar.write_bytes(archive(host, check))
    with tar.open("rb") as stdin:
        done = deployed.ssh(HOSTS[debian], REHEARSE, stdin=stdin, capture_output=True)
    assert done.returncode == 0, done.stdout


def archive(host: MailHost, check: str) -> bytes:
    """The picture and a script as a tar; who owns what does not matter to a check."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for path, text in {**picture(host), "/check": check}.items():
            member = tarfile.TarInfo(str(PurePosixPath(path).relative_to("/")))
            member.size, member.mode = len(text.encode()), 0o644
            tar.addfile(member, io.BytesIO(text.encode()))
    return buffer.getvalue()
