"""Who a firm is: its kind, the month of its birth and its index in that month's cohort.

Rows move and Mesa's ``unique_id`` counts whatever was made before; both differ between two arms after their first
different entry.  An identity does not, so luck is keyed by it.  It fits one 64-bit integer.
"""

from __future__ import annotations

from moatlab.market.state.compiled import inlined
from moatlab.results.slugs import GENERATED

#: Kinds in the order of their codes in an identity.  Append only.
KIND_CODES = {
    kind: code
    for code, kind in enumerate(
        ("users", "apps", "labs", "hosts", "clouds", "chipmakers", "foundry", "outside", "investors")
    )
}

#: The same codes, as kernels take them.
(
    USERS_CODE,
    APPS_CODE,
    LABS_CODE,
    HOSTS_CODE,
    CLOUDS_CODE,
    CHIPMAKERS_CODE,
    FOUNDRY_CODE,
    OUTSIDE_CODE,
    INVESTORS_CODE,
) = range(len(KIND_CODES))


@inlined
def identity(kind: int, birth: int, index: int) -> int:
    """Pack (kind, birth month, index in cohort) into one integer; ``index`` below 2**32, ``birth`` below 2**16."""
    return (kind << 48) | (birth << 32) | index


def named_index(slug: str) -> int:
    """Cohort index of a firm that the scenario names: a digest of its slug, so that order in a file has no effect."""
    import hashlib

    return int.from_bytes(hashlib.sha256(slug.encode()).digest()[:4], "big") % GENERATED
