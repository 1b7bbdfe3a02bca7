"""The one grammar of addresses.

========================  ====================================================
``kind.name``             a parameter that the whole kind shares
``kind.slug.name``        a parameter of one firm or category
``kind.*.name``           the same parameter of every firm of the kind
========================  ====================================================

Scenario files, ``--set``, Python and events all spell parameters this way.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from moatlab.errors import InputError
from moatlab.scenario.registry import KINDS, RULES_ONLY, Parameter
from moatlab.scenario.tables import REGISTRY

#: In place of a slug: every row of the kind, firms that are yet to enter included.
ALL = "*"
#: Longest slug, characters.
LONGEST_SLUG = 100
SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
#: More valid names than this are not listed in full.
_LISTED = 12

#: The slugs of each kind, in the order of the scenario.
Slugs = Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True, order=True)
class Address:
    """Where a parameter stands: ``slug`` is None for what a kind shares and ``*`` for all rows of the kind."""

    kind: str
    slug: str | None
    parameter: str

    @property
    def declared(self) -> Parameter:
        """The declaration behind the address."""
        return REGISTRY[self.kind, self.parameter]

    def __str__(self) -> str:
        """The address as it is written."""
        return ".".join(part for part in (self.kind, self.slug, self.parameter) if part is not None)


def nearest(word: str, valid: Iterable[str]) -> str:
    """What a message says of the valid names: those nearest to ``word``, else all of them if they are few."""
    names = sorted(set(valid))
    close = difflib.get_close_matches(word, names, n=3, cutoff=0.6)
    if close:
        return "did you mean " + " or ".join(close) + "?"
    if not names:
        return "there is none"
    return "valid: " + ", ".join(names[:_LISTED]) + (", ..." if len(names) > _LISTED else "")


def check_slug(slug: str, where: str = "") -> str:
    """``slug`` itself, if it has the form of one."""
    if not SLUG.fullmatch(slug):
        raise InputError(f"{slug!r} is no slug: lower-case letters and digits, joined by single hyphens", where)
    if len(slug) > LONGEST_SLUG:
        raise InputError(f"a slug has at most {LONGEST_SLUG} characters, not {len(slug):,}: {slug}", where)
    return slug


def slug_like(name: str) -> str:
    """A slug for a name as people write it: "Big Co" gives big-co; letters without a Latin base are left out."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    words = "-".join(re.findall("[a-z0-9]+", plain))
    return words[:LONGEST_SLUG].strip("-") or "some-slug"


def split_firm(text: str, slugs: Slugs, where: str = "") -> tuple[str, str]:
    """Read ``kind.slug``, the name of one row, and check that it exists."""
    kind, dot, slug = text.strip().partition(".")
    _check_kind(kind, where)
    if not dot or not slug or "." in slug:
        raise InputError(f"{text.strip()!r} does not name one of {kind}: write {kind}.<slug>", where)
    _check_row(kind, slug, slugs, where)
    return kind, slug


def parse(text: str, where: str = "") -> Address:
    """Read an address and check its kind and parameter; `resolve` checks the slug as well."""
    try:
        return _parse(text)
    except InputError as error:
        raise InputError(str(error), where) from None


@lru_cache(maxsize=1 << 14)
def _parse(text: str) -> Address:
    """The address that a text spells: the same few hundred are read again for every arm of an experiment."""
    parts = text.strip().split(".")
    if len(parts) not in (2, 3) or not all(parts):
        raise InputError(
            f"{text.strip()!r} is no address: write kind.name, kind.<slug>.name or kind.*.name "
            f"(kinds: {', '.join(KINDS)})"
        )
    kind, name = parts[0], parts[-1]
    slug = parts[1] if len(parts) == 3 else None
    _check_kind(kind)
    parameter = REGISTRY.get((kind, name))
    if parameter is None:
        known = [p.name for p in REGISTRY.values() if p.kind == kind and (slug is None or p.scope == "firm")]
        raise InputError(f"{kind} has no parameter {name!r}; {nearest(name, known)}")
    if parameter.scope == "firm" and slug is None:
        raise InputError(
            f"{kind}.{name} lacks a slug: {name} belongs to {KINDS[kind]}: {kind}.<slug>.{name} or {kind}.{ALL}.{name}"
        )
    if parameter.scope == "kind" and slug is not None:
        raise InputError(f"{'.'.join(parts)} has a slug too many: all {kind} share it: {kind}.{name}")
    if slug not in (None, ALL):
        check_slug(str(slug))
    return Address(kind, slug, name)


def resolve(text: str, slugs: Slugs, where: str = "") -> Address:
    """Read an address and check every part of it, the slug against the rows of the scenario."""
    address = parse(text, where)
    if address.slug not in (None, ALL):
        _check_row(address.kind, str(address.slug), slugs, where)
    return address


def _check_kind(kind: str, where: str = "") -> None:
    if kind not in KINDS:
        raise InputError(f"there is no kind {kind!r}; {nearest(kind, KINDS)}", where)


def _check_row(kind: str, slug: str, slugs: Slugs, where: str) -> None:
    if kind in RULES_ONLY:
        raise InputError(f"{kind} has no rows, so no {slug!r}", where)
    if slug not in slugs.get(kind, ()):
        raise InputError(f"{kind} has no {slug!r} in this scenario; {nearest(slug, slugs.get(kind, ()))}", where)
