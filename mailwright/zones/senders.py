"""SPF records put together: our servers, and those that the owner of the domain has besides."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import replace

from mailwright.model import spf
from mailwright.model.spf import Term


def merged(name: str, ours: str, theirs: Sequence[str], before: Iterable[str] = ()) -> str:
    """The record that has our terms, then theirs in their order, and our last word.

    `name` is whose record it is, `theirs` what is published, `before` what we published the last
    time: of that nothing stays. A record that says the same already is given back as it is. What is
    theirs can be read; raises Invalid where it cannot.
    """
    mine, own = spf.parse(ours), [t for text in (ours, *before) for t in spf.parse(text)]
    taken = {_form(term, name) for term in own}
    others: list[Term] = []
    for term in (term for text in theirs for term in _effective(spf.parse(text))):
        if _form(term, name) not in taken:
            taken.add(_form(term, name))
            others.append(term)
    *first, last = mine
    found = [*first, *_without_repeated(others), last]
    if len(theirs) == 1 and _is_same(name, found, spf.parse(theirs[0])):
        return theirs[0]
    return " ".join([spf.VERSION, *map(str, found)])


def others(name: str, ours: str, theirs: Sequence[str], before: Iterable[str] = ()) -> list[str]:
    """The terms that a merged record has of theirs."""
    mine = {_form(term, name) for term in spf.parse(ours)}
    some = spf.parse(merged(name, ours, theirs, before))
    return [str(term) for term in some if _form(term, name) not in mine and term.name != "all"]


def _effective(terms: Sequence[Term]) -> list[Term]:
    """What receivers act on: nothing after `all`, and a redirect only without it (section 6.1).

    The redirect becomes an include, since what is ours ends the record.
    """
    found: list[Term] = []
    has_all = any(term.name == "all" and not term.is_modifier for term in terms)
    ended = False
    for term in terms:
        if term.is_modifier:
            if term.name != "redirect":
                found.append(term)
        elif term.name == "all":
            ended = True
        elif not ended:
            found.append(term)
    redirect = next((t for t in terms if t.is_modifier and t.name == "redirect"), None)
    return found if has_all or redirect is None else [*found, Term("include", redirect.value)]


def _without_repeated(terms: Iterable[Term]) -> list[Term]:
    """Of two records only one may say `exp` (section 6)."""
    found: list[Term] = []
    for term in terms:
        if not (term.is_modifier and any(t.is_modifier and t.name == term.name for t in found)):
            found.append(term)
    return found


def _form(term: Term, name: str) -> Term:
    """A term in the one form that all with its meaning have."""
    own = name.rstrip(".").lower()
    if term.is_modifier or "%" in term.value:
        return term
    if term.name in ("ip4", "ip6"):
        network = ipaddress.ip_network(term.value + term.cidr, strict=False)
        return replace(term, value=str(network), cidr="")
    value = term.value.rstrip(".").lower()
    return replace(term, value="" if term.name in ("a", "mx") and value == own else value)


def _is_same(name: str, wanted: Sequence[Term], there: Sequence[Term]) -> bool:
    """Order matters only where a term before the last does not let pass."""
    one, other = ([_form(term, name) for term in terms] for terms in (wanted, there))
    if one == other:
        return True
    is_plain = all(t.qualifier == "+" for t in other[:-1]) and other[-1:] == one[-1:]
    return is_plain and len(one) == len(other) and {*one} == {*other}
