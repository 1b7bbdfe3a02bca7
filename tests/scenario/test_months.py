"""Months by number and by the calendar."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moatlab.errors import InputError
from moatlab.scenario.events import Event, parse_event
from moatlab.scenario.months import LAST_MONTH, month_name, read_month, span_name
from moatlab.scenario.scenario import Scenario

ESSAY = Scenario("essay-2023")
CAPACITY = "scale foundry.tsmc.capacity 2"


@given(number=st.integers(0, 9999), year=st.integers(1900, 2100), month=st.integers(1, 12))
def test_a_name_reads_back_as_its_number(number: int, year: int, month: int) -> None:
    start = f"{year}-{month:02d}"
    assert read_month(month_name(number, start), start) == number == read_month(str(number), start)


def test_the_calendar_counts_from_the_start() -> None:
    assert read_month("2025-01", "2023-01") == 24 and read_month("2024-02", "2023-11") == 3
    assert month_name(24, "2023-01") == "2025-01" and month_name(2, "2023-11") == "2024-01"
    assert span_name(0, 11, "2023-01") == "2023-01 to 2023-12" and span_name(5, 5, "2023-01") == "2023-06"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("2025-13", "01 to 12"),
        ("2025-00", "01 to 12"),
        ("2022-12", "before the scenario's first month, 2023-01"),
        ("2025", ""),
        ("-3", "whole number from 0"),
        ("soon", "as in 2025-01"),
        ("2025-1", "as in 2025-01"),
        (str(LAST_MONTH) + "0", "whole number from 0"),
        ("٢٠٢٥-٠١", "as in 2025-01"),
    ],
)
def test_what_is_no_month_is_one_line(text: str, says: str) -> None:
    if not says:
        assert read_month(text, "2023-01") == 2025
        return
    with pytest.raises(InputError, match=says):
        read_month(text, "2023-01")


def test_a_month_of_the_calendar_needs_a_start() -> None:
    with pytest.raises(InputError, match="needs a scenario"):
        read_month("2025-01", "")


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        (f"2025-01: {CAPACITY}", 24, None),
        (f"month 2025-01: {CAPACITY}", 24, None),
        (f"2025-01 to 2025-06: {CAPACITY}", 24, 29),
        (f"2025-01 - 2025-06: {CAPACITY}", 24, 29),
        (f"2025-01-2025-06: {CAPACITY}", 24, 29),
        (f"months 2025-01 to 2025-06: {CAPACITY}", 24, 29),
        (f"months 24 to 2025-06: {CAPACITY}", 24, 29),
        (f"months 12 to 17: {CAPACITY}", 12, 17),
        (f"months 2025-01 to 2025-01: {CAPACITY}", 24, 24),
    ],
)
def test_events_take_months_of_the_calendar(text: str, first: int, last: int | None) -> None:
    event = parse_event(text, ESSAY.all_slugs, ESSAY.start)
    assert (event.month, event.last) == (first, last)
    for written in (str(event), event.dated(ESSAY.start)):
        assert parse_event(written, ESSAY.all_slugs, ESSAY.start) == event


def test_an_event_by_the_calendar_is_the_event_by_number() -> None:
    dated, numbered = (ESSAY.with_events(f"{when}: {CAPACITY}") for when in ("2024-01", "month 12"))
    assert dated == numbered and dated.digest() == numbered.digest()
    mapping = {"name": "late", "start": "2024-07", "events": ["2025-01: set users.crowding 0.1"],
               "users": {"chat": {"market_size": 1.0}}, "apps": {"a": {"category": "chat", "source": "l"}},
               "labs": {"l": {"api": True}}, "clouds": {"c": {"fleet": 1.0}}, "chipmakers": {"m": {}},
               "foundry": {"f": {"capacity": 1.0}}}  # fmt: skip
    assert Scenario.from_dict(mapping).events[0].month == 6


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (f"2022-12: {CAPACITY}", "before the scenario's first month"),
        (f"2025-13: {CAPACITY}", "2025-13 is no month"),
        (f"2025-06 to 2025-01: {CAPACITY}", "comes before its first month"),
        (f"2025: {CAPACITY}", "not understood"),
        ("2025-01: follow labs.stability 2025-01", "needs a scenario"),
    ],
)
def test_bad_months_of_events_are_one_line(text: str, says: str) -> None:
    with pytest.raises(InputError, match=says):
        ESSAY.with_events(text)


def test_an_event_says_its_months_by_the_calendar() -> None:
    event = Event(24, "cut", edge=("apps.jasper", "labs.openai"))
    assert event.dated("2023-01") == "2025-01: cut apps.jasper labs.openai"
