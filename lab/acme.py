"""The lab's ACME authority: Debian's pebble, which forgets everything when it ends.

Its root is another at each start, and no host trusts it unless it is told to.
"""

import json
import time
from contextlib import suppress
from pathlib import Path
from socket import create_connection

from lab.addresses import ACME, RESOLVER
from lab.authority import Authority
from lab.cgroup import Group
from lab.error import LabError
from lab.home import write
from lab.network import Network, entered
from lab.process import inside
from lab.service import Service

DIRECTORY = f"https://{ACME.name}:14000/dir"
ROOT = f"https://{ACME.name}:15000/roots/0"
_SECONDS = 10.0

# It looks at once, at every name of every order, and takes every nonce; otherwise it would sleep
# first, and leave some looks out and refuse some nonces at random.
ENVIRONMENT = {
    "PEBBLE_VA_NOSLEEP": "1",
    "PEBBLE_WFE_NONCEREJECT": "0",
    "PEBBLE_AUTHZREUSE": "0",
}


class AcmeAuthority:
    """The authority of one lab; its settings and its log lie in `folder`."""

    def __init__(self, folder: Path, authority: Path, network: Network, group: Group) -> None:
        self.log = folder / "pebble.log"
        self._folder = folder
        self._authority = authority
        self._network = network
        settings = folder / "pebble.json"
        argv = ["pebble", "-config", str(settings), "-dnsserver", f"{RESOLVER.ipv4}:53"]
        argv = inside(network.namespace("acme"), argv)
        self._service = Service("acme", argv, group.child("acme"), self.log, ENVIRONMENT)

    def start(self) -> None:
        """Start it unless it runs, and wait until it answers. Raises LabError."""
        self._network.attach("acme", ACME)
        chain = self._folder / "chain.pem"
        write(chain, Authority(self._authority).issue(ACME.name), mode=0o600)
        settings = {
            "listenAddress": f"{ACME.ipv4}:14000",
            "managementListenAddress": f"{ACME.ipv4}:15000",
            "certificate": str(chain),
            "privateKey": str(chain),
            "httpPort": 80,
            "tlsPort": 443,
        }
        write(self._folder / "pebble.json", json.dumps({"pebble": settings}))
        self._service.start()
        self._await()

    def stop(self) -> None:
        """End it."""
        self._service.stop()

    def _await(self) -> None:
        end = time.monotonic() + _SECONDS
        with entered(self._network.namespace("acme")):
            while time.monotonic() < end:
                with suppress(OSError):
                    create_connection((ACME.ipv4, 14000), 1).close()
                    return
                time.sleep(0.1)
        raise LabError("the ACME authority does not answer", f"see {self.log}")
