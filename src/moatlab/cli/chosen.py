"""Which pictures a command draws, in which formats, and which tables it keeps."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from moatlab.errors import InputError
from moatlab.scenario.addresses import nearest

#: Formats of pictures, and the pictures of a run beside those of each layer's shares.
FORMATS = ("png", "svg", "pdf")
PICTURES = ("shares", "categories", "concentration", "accrual", "profits", "prices", "retention", "flow", "graph")
#: The tables of a run, and the columns by which the rows of each are known.
KEYS: dict[str, list[str]] = {
    "market": [],
    "layers": ["layer"],
    "categories": ["category"],
    "firms": ["kind", "slug"],
    "owners": ["owner"],
    "payments": ["kind", "payer", "payee"],
    "money": ["layer", "pool"],
    "retention": ["category", "joined", "age"],
    "ledger": ["kind", "payer", "payee"],
}
#: Kept unless something else is asked for.  The others follow from what is kept, or can be made again from the seed.
DEFAULT = ("market", "layers", "categories", "firms", "owners", "payments")


@dataclass(frozen=True, slots=True)
class Pictures:
    """What ``--pictures`` and ``--format`` ask for: names (None for all, empty for none) and formats."""

    names: tuple[str, ...] | None = None
    formats: tuple[str, ...] = ("png",)

    @classmethod
    def read(cls, names: str | None, formats: str | None) -> Pictures:
        """Read both options; `InputError` for a format that there is not."""
        chosen = ("png",) if formats is None else _words(formats)
        for name in chosen:
            if name not in FORMATS:
                raise InputError(f"--format: there is no format {name!r}; valid: {', '.join(FORMATS)}")
        if not chosen:
            raise InputError(f"--format takes one or more of {', '.join(FORMATS)}, joined by commas")
        if names is None or names.strip() == "all":
            return cls(None, chosen)
        return cls(() if names.strip() == "none" else _words(names), chosen)

    def check(self, there: Iterable[str]) -> None:
        """Refuse a picture that there is not, with the nearest names."""
        valid = list(there)
        for name in self.names or ():
            if name not in valid:
                raise InputError(f"--pictures: there is no picture {name!r}; {nearest(name, [*valid, 'all', 'none'])}")

    def wants(self, name: str) -> bool:
        """Whether a picture is to be drawn."""
        return self.names is None or name in self.names


#: Every picture, as PNG.
ALL_PICTURES = Pictures()


def read_kept(text: str | None, there: Iterable[str], default: Iterable[str]) -> tuple[str, ...]:
    """What ``--save`` asks for: names of tables joined by commas, ``all``, ``none``; by default the ``default``."""
    valid = list(there)
    if text is None:
        return tuple(default)
    if text.strip() in ("all", "none"):
        return tuple(valid if text.strip() == "all" else ())
    for name in (words := _words(text)):
        if name not in valid:
            raise InputError(f"--save: there is no table {name!r}; {nearest(name, [*valid, 'all', 'none'])}")
    return tuple(name for name in valid if name in words)


def check_excel() -> None:
    """`InputError` where what writes workbooks is not installed."""
    from importlib.util import find_spec

    if find_spec("openpyxl") is None:
        raise InputError("--excel needs openpyxl: pip install 'moatlab[excel]'")


def _words(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(word.strip().lower() for word in text.split(",") if word.strip()))
