"""What users taught the spam filter: kept, within bounds, and reached by Rspamd alone."""

import pytest
from testinfra.host import Host

from tests.host.state import Socket, Unit

CLI = "timeout 3 redis-cli -s /run/redis/redis-server.sock"
COST = "mail flows, and the spam filter neither learns nor remembers"


def test_redis_runs_and_starts_at_boot(units: dict[str, Unit]) -> None:
    assert units["redis-server"].is_running, f"redis-server is down: {COST}"
    assert units["redis-server"].is_enabled


def test_redis_answers(host: Host) -> None:
    assert "PONG" in host.run(f"{CLI} ping").stdout, f"redis-server does not answer: {COST}"


def test_redis_listens_on_no_port(sockets: list[Socket]) -> None:
    assert not [s for s in sockets if s.protocol == "tcp" and "redis" in s.process]


@pytest.mark.parametrize("user, answer", [("_rspamd", "PONG"), ("vmail", ""), ("nobody", "")])
def test_only_rspamd_reaches_it(host: Host, user: str, answer: str) -> None:
    assert host.run(f"runuser -u {user} -- {CLI} ping").stdout.strip() == answer


def test_it_cannot_fill_the_memory(host: Host) -> None:
    assert 0 < int(host.check_output(f"{CLI} config get maxmemory").split()[1]) <= 256 << 20


def test_what_is_learned_is_kept(host: Host) -> None:
    assert "rdb_last_bgsave_status:ok" in host.check_output(f"{CLI} info persistence")
    assert host.check_output(f"{CLI} config get save").split()[1:]
