"""The one error that a user's mistake raises."""

from __future__ import annotations

#: Longest word and longest line of a message, characters: what a user gave may be a megabyte.
LONGEST_WORD, LONGEST_LINE = 300, 2000


class InputError(ValueError):
    """A mistake in what the user gave: one line that names the thing, what is valid, and where it was given."""

    def __init__(self, problem: str, where: str = "") -> None:
        """``where`` is the file, option or event that holds the mistake."""
        line = _printable(" ".join(_cut(word, LONGEST_WORD) for word in problem.split()))
        place = _printable(_cut(where, 2 * LONGEST_WORD))
        super().__init__(_cut(f"{place}: {line}" if place else line, LONGEST_LINE))


class ClearingError(RuntimeError):
    """Demand for GPU-hours is not a number, so no rents clear: the message has the month, rents and capacity."""


class StoppedError(Exception):
    """Ctrl-C in the middle of work of which a part is kept: the message says what, and how to go on."""


class EngineError(RuntimeError):
    """Runs could not be done: workers, their scheduler or their pool failed, or runs that are needed did.

    The message is one line and says what is stored.
    """


def shown(value: object) -> str:
    """A value as a message shows it; Python refuses to write out whole numbers of more than 4,300 digits."""
    try:
        return repr(value)
    except ValueError:
        return f"a number of {value.bit_length()} bits" if isinstance(value, int) else f"a {type(value).__name__}"
    except RecursionError:
        return f"a {type(value).__name__} nested too deeply"


def _cut(text: str, most: int) -> str:
    """``text`` with its middle left out where it is too long: what is wrong comes first, what is valid last."""
    if len(text) <= most:
        return text
    half = (most - 40) // 2
    return f"{text[:half]}... ({len(text):,} characters) ...{text[-half:]}"


def _printable(text: str) -> str:
    """``text`` with what would move a terminal's cursor, or cannot be encoded, written as an escape."""
    return text if text.isprintable() else "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
