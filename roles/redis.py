"""Redis keeps what users teach the spam filter by moving mail.

Opens no port: Rspamd reaches it over a UNIX socket. Comes before `rspamd`. Nothing else is kept in
it, so that mail flows, signed and judged, when Redis does not run.
"""

from pyinfra.api.deploy import deploy

from rollout.operation import rollout
from rollout.packages import install
from rollout.service import Mode, Service

PACKAGES = ("redis-server",)

SERVICE = Service(
    __file__,
    units=("redis-server",),
    owns=("/etc/redis/redis.conf", "/etc/systemd/system/redis-server.service.d/*"),
    # As Debian's package has it, whose upgrades set it again.
    modes={"/etc/redis/redis.conf": Mode("redis", "redis", 0o640)},
    asks=("talk redis-server /run/redis/redis-server.sock redis",),
)


@deploy("Redis")
def redis() -> None:
    """Install, roll out, run."""
    install(PACKAGES)
    rollout(service=SERVICE, name="Redis")
