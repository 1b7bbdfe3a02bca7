"""The one digest of run keys and of what enters them."""

from __future__ import annotations

import hashlib


def digest(*parts: str | bytes) -> str:
    """SHA-256 of the parts, which are kept apart, as 32 hexadecimal digits."""
    h = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        h.update(len(data).to_bytes(8, "big") + data)
    return h.hexdigest()[:32]
