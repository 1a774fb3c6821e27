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
    name="redis",
    units=("redis-server",),
    owns=("/etc/redis/redis.conf", "/etc/systemd/system/redis-server.service.d/*"),
    # As Debian's package has it, whose upgrades set it again.
    modes={"/etc/redis/redis.conf": Mode("redis", "redis", 0o640)},
    # There is no check of the file but to start with it; what starts makes its socket.
    check="""
        file=$NEXT/etc/redis/redis.conf
        [ -e "$file" ] || file=/etc/redis/redis.conf
        timeout 10 redis-server "$file" --unixsocket "$NEXT/socket" --dir "$NEXT" \\
            --save "" --logfile "" >"$NEXT/words" 2>&1 &
        until [ -S "$NEXT/socket" ]; do
            kill -0 $! 2>/dev/null || refuse "$(cat "$NEXT/words")"
            sleep 0.1
        done
        kill $!
        wait $! || :
        rm -f "$NEXT/words"
    """,
    activate="""
        enable
        restart
    """,
    asks=("talk redis-server /run/redis/redis-server.sock redis",),
)


@deploy("Redis")
def redis() -> None:
    """Install, roll out, run."""
    install(PACKAGES)
    rollout(service=SERVICE, name="Redis")
