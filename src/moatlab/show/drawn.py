"""What every picture has in common: our settings, and names that can be drawn and told apart."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from moatlab.show.names import legible
from moatlab.show.settings import own_settings

F = TypeVar("F", bound=Callable[..., Any])


def picture(function: F) -> F:
    """A function that makes a figure, with our settings and with names that can be drawn and told apart."""

    @wraps(function)
    def made(*arguments: Any, **named: Any) -> Any:
        with own_settings():
            return function(*(legible(each) for each in arguments), **named)

    return cast(F, made)
