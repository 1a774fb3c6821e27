"""What is asked of all authoritative servers, and of a validating resolver."""

from collections.abc import Iterator

import pytest

from lab.network import entered
from mailwright.net.authority import Authority, Outcome
from mailwright.net.resolver import Resolver
from tests.lab.names import RESOLVER, Names

ZONES = {
    "example.com.": """
example.com. 600 IN MX 10 mail.example.com.
example.com. 600 IN TXT "one " "text"
mail.example.com. 600 IN A 198.51.100.10
alias.example.com. 600 IN CNAME mail.example.com.
below.ent.example.com. 600 IN TXT x
""",
    "sub.example.com.": "sub.example.com. 60 IN TXT sub\n",
}


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Names]:
    names = Names(tmp_path_factory.mktemp("names"), ZONES)
    try:
        names.start()
        yield names
    finally:
        names.stop()


@pytest.fixture
def authority(names: Names) -> Iterator[Authority]:
    names.flush()
    with entered(names.namespace):
        yield Authority(Resolver(RESOLVER).stub())


def test_each_server_says_what_there_is_and_for_how_long(authority: Authority) -> None:
    (answer,) = authority.ask("example.com.", "TXT")
    assert answer.values == ("one text",)
    assert answer.ttl == 600
    assert answer.server.address == "198.51.100.53"


def test_no_name_no_data_and_an_alias_are_three_things(authority: Authority) -> None:
    assert authority.ask("no.example.com.", "A")[0].outcome == Outcome.NO_NAME
    assert authority.ask("ent.example.com.", "A")[0].outcome == Outcome.NO_DATA
    assert authority.ask("alias.example.com.", "A")[0].alias == "mail.example.com."


def test_a_name_is_asked_for_in_the_zone_that_it_is_in(authority: Authority) -> None:
    assert authority.zone("x.y.sub.example.com.") == "sub.example.com."
    assert authority.zone("alias.example.com.") == "example.com."
    assert authority.negative_ttl("example.com.") == 300


def test_servers_that_do_not_serve_lag_behind_or_are_silent(names: Names) -> None:
    with names.second():  # has no zone at all
        first, lame = Authority(Resolver(RESOLVER).stub()).ask("example.com.", "MX")
        assert first.outcome == Outcome.DATA
        assert lame.outcome == Outcome.LAME
    with names.second("example.com."), names.changed(added='example.com. 60 IN TXT "new"'):
        authority = Authority(Resolver(RESOLVER).stub())
        first, stale = authority.ask("example.com.", "TXT")
        assert set(first.values) - set(stale.values) == {"new"}
        assert len({*authority.serials("example.com.").values()}) == 2
    with names.changed(added="example.com. 60 IN NS ns2.lab.example."):
        first, silent = Authority(Resolver(RESOLVER).stub()).ask("example.com.", "MX")
        assert silent.fault == "does not answer"
    with names.changed(added="example.com. 60 IN NS ns9.gone.example."):
        first, lost = Authority(Resolver(RESOLVER).stub()).ask("example.com.", "MX")
        assert (str(lost.server), lost.fault) == (
            "ns9.gone.example (no address)",
            "is not found by its name",
        )


def test_nobody_speaks_for_a_zone_that_the_resolver_does_not_tell(
    names: Names, authority: Authority
) -> None:
    """The server of the zones above serves this one as well, and may not be all that it has."""
    with names.untold("example.com."):
        (answer,) = authority.ask("mail.example.com.", "A")
        assert (answer.fault, answer.values) == ("has no name server that is found", ())
    (answer,) = authority.ask("mail.example.com.", "A")
    assert answer.values == ("198.51.100.10",)


def test_a_resolver_tells_what_validates_from_what_does_not(names: Names) -> None:
    with entered(names.namespace):
        resolver = Resolver(RESOLVER)
        assert resolver.validates()
        assert resolver.ask("alias.example.com.", "A").aliases == ("mail.example.com.",)
        assert resolver.ask("mail.example.com.", "A").is_secure
        assert resolver.ask("no.example.com.", "A").outcome == Outcome.NO_NAME
