"""The one error that a user's mistake raises."""

from __future__ import annotations


class InputError(ValueError):
    """A mistake in what the user gave: one line that names the thing, what is valid, and where it stands."""

    def __init__(self, problem: str, where: str = "") -> None:
        """``where`` is the file, option or event that holds the mistake."""
        line = " ".join(problem.split())
        super().__init__(f"{where}: {line}" if where else line)


class ClearingError(RuntimeError):
    """The market for GPU-hours did not clear: the message carries the month, rents and capacity."""


class StoppedError(Exception):
    """Ctrl-C in the middle of work of which a part is kept: the message says what, and how to go on."""


class EngineError(RuntimeError):
    """Runs could not be done: workers, their scheduler or their pool failed, or runs that are needed did.

    The message is one line and says what is stored.
    """
