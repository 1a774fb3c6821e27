"""Every address of the mail system, and where mail to it ends."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from mailwright.model import address, alias_domain, delivery
from mailwright.model.delivery import ROLES
from mailwright.model.domain import Domain
from mailwright.model.mailbox import Mailbox, Purge
from mailwright.model.ownership import Logins, sender_logins, sending


@dataclass(frozen=True)
class Alias:
    """An address whose mail goes to other addresses; `@example.com` is a domain's catch-all.

    It may be a mailbox as well, and is then one of its own targets: the copy that it keeps.
    """

    address: str
    targets: tuple[str, ...]

    @property
    def domain(self) -> str:
        """The name of the domain, in A-labels."""
        return self.address.rpartition("@")[2]


@dataclass(frozen=True)
class AddressBook:
    """Everything by its name. `written` are the aliases that somebody wrote, as such or as owner.

    What follows from them for every domain is worked out once somebody asks for it: with thousands
    of domains that is most of the work, and what was written has all that can be wrong with it.
    """

    domains: dict[str, Domain]
    mailboxes: dict[str, Mailbox]
    written: dict[str, Alias]
    postmaster: str
    purges: tuple[Purge, ...] = ()
    removed: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def taking(self) -> frozenset[str]:
        """What was written and takes mail."""
        stores = (name for name, box in self.mailboxes.items() if box.stores)
        return frozenset((*stores, *self.written))

    @cached_property
    def aliases(self) -> dict[str, Alias]:
        """Those that were written, the roles of every domain, and all twins."""
        names = (name for name, domain in self.domains.items() if not domain.parked)
        roles = (f"{role}@{name}" for name in names for role in ROLES)
        return self._named({*self.written, *self._twins, *roles})

    @cached_property
    def passed(self) -> dict[str, Alias]:
        """Those of them that mail to a written address, or to a role, passes on its way."""
        found = self._named(self.written)
        ahead = [self.postmaster, *(to for alias in found.values() for to in alias.targets)]
        while ahead:
            target = ahead.pop()
            new = self._named({target, address.without_extension(target)} - found.keys())
            ahead += (to for alias in new.values() for to in alias.targets)
            found |= new
        return found

    @cached_property
    def reached(self) -> dict[str, Alias]:
        """Those that were written, what their mail passes, and the twins of what was written."""
        return self.passed | self._named(self._twins)

    @property
    def _twins(self) -> Iterable[str]:
        return alias_domain.twins(self.domains, self.taking)

    def _named(self, names: Iterable[str]) -> dict[str, Alias]:
        return {name: alias for name in names if (alias := self._alias(name))}

    def _alias(self, name: str) -> Alias | None:
        """The alias of this name: a twin, a role that nobody wrote, or what was written.

        A catch-all's twin leads where the catch-all does, since `@example.com` is no target.
        """
        local, _, of = name.rpartition("@")
        if of not in self.domains:
            return self.written.get(name)
        if original := self.domains[of].alias_of:
            there = alias_domain.twin(name, original)
            if local in ROLES or there in self.taking:
                return Alias(name, (there,) if local else self.written[there].targets)
        elif local in ROLES and name not in self.taking and not self.domains[of].parked:
            return Alias(name, (self.postmaster,))
        return self.written.get(name)

    @cached_property
    def ends(self) -> dict[str, frozenset[str]]:
        """For each alias the addresses that its mail reaches."""
        return delivery.ends({name: alias.targets for name, alias in self.aliases.items()})

    @cached_property
    def owners(self) -> dict[str, frozenset[str]]:
        """For each alias that is no mailbox the addresses that it belongs to."""
        return self.owners_of(self.aliases)

    def owners_of(self, aliases: Mapping[str, Alias]) -> dict[str, frozenset[str]]:
        """The same for some aliases that lead to no others.

        What a mailbox forwards does not belong to whoever it is forwarded to.
        """
        boxes = self.mailboxes
        kept = {name for name in aliases if name in boxes and boxes[name].stores}
        return delivery.ends({n: each.targets for n, each in aliases.items() if n not in kept})

    @cached_property
    def sender_logins(self) -> dict[str, Logins]:
        """By host: for each address of ours the logins there that may send as it."""
        return sender_logins(self.domains, self.mailboxes, self.owners)

    def sending(self) -> dict[str, set[str]]:
        """By domain: the hosts with somebody who may send as an address of it.

        Nobody sends as a role from another host, so only what was written is looked at, and its
        twins.
        """
        return sending(self.domains, self.mailboxes, self.owners_of(self.reached))
