"""Who a firm is: its kind, the month of its birth and its index in that month's cohort.

Rows move and Mesa's ``unique_id`` counts whatever was made before; both differ between two arms after their first
different entry.  An identity does not, so luck is keyed by it.  It fits one 64-bit integer.
"""

from __future__ import annotations

from moatlab.compiled import inlined

#: Kinds in the order of their codes in an identity.  Append only.
KIND_CODES = {
    kind: code
    for code, kind in enumerate(
        ("users", "apps", "labs", "hosts", "clouds", "chipmakers", "foundry", "outside", "investors")
    )
}
#: Cohort index from which generated firms of month 0 count, so that a further named firm shifts no startup's luck.
GENERATED = 1 << 20
#: Index within a category from which those count that are there at the start; entrants of month 0 count from 0.
START = 1 << 19


@inlined
def identity(kind: int, birth: int, index: int) -> int:
    """Pack (kind, birth month, index in cohort) into one integer; ``index`` below 2**32, ``birth`` below 2**16."""
    return (kind << 48) | (birth << 32) | index


def unpack(packed: int) -> tuple[int, int, int]:
    """The (kind, birth month, index) behind `identity`."""
    return packed >> 48, (packed >> 32) & 0xFFFF, packed & 0xFFFFFFFF


def generated_slug(category: str, packed: int) -> str:
    """Name in addresses of a generated firm: category, month of birth (or "start"), index in its cohort."""
    _, birth, index = unpack(packed)
    index &= 0xFFFFF
    return f"{category}-start-{index - START}" if index >= START else f"{category}-{birth:03d}-{index}"


def named_index(slug: str) -> int:
    """Cohort index of a firm that the scenario names: a digest of its slug, so that order in a file has no effect."""
    import hashlib

    return int.from_bytes(hashlib.sha256(slug.encode()).digest()[:4], "big") % GENERATED
