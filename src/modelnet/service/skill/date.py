"""Weekdays, months, leap years, times of day and units of time.

Distinct problems: about 420 weekday steps, 550 month steps, 9,600 months of a year, 2,000 years,
86,000 clock steps, 10,000 date steps and 1,500 conversions.
"""

import calendar
import random

from modelnet.service.skill.question import Question, Skill, phrase

_WEEKDAYS = tuple(calendar.day_name)
_MONTHS = tuple(calendar.month_name)[1:]
_LENGTHS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)

_DAY_AFTER = (
    "What day comes {n} days after {d}?",
    "What day is it {n} days after {d}?",
    "Which weekday is {n} days after {d}?",
    "Today is {d}. What day is it in {n} days?",
    "If today is {d}, what day will it be in {n} days?",
)
_DAY_BEFORE = (
    "What day comes {n} days before {d}?",
    "Which weekday is {n} days before {d}?",
    "Today is {d}. What day was it {n} days ago?",
)
_MONTH_AFTER = (
    "What month comes {n} months after {m}?",
    "Which month is {n} months after {m}?",
    "It is {m}. Which month is it in {n} months?",
)
_MONTH_BEFORE = (
    "What month comes {n} months before {m}?",
    "Which month is {n} months before {m}?",
    "It is {m}. Which month was it {n} months ago?",
)
_MONTH_LENGTH = (
    "How many days are there in {m}?",
    "How many days does {m} have?",
    "How many days are in {m}?",
    "How long is {m} in days?",
)
_LEAP = (
    "Is {y} a leap year?",
    "Was {y} a leap year?",
    "Is the year {y} a leap year?",
    "Does the year {y} have 366 days?",
)
_CLOCK = (
    "What time is {n} minutes after {t}?",
    "What time is it {n} minutes after {t}?",
    "It is {t}. What time is it in {n} minutes?",
)
_DATE = (
    "What date comes {n} days after {d}?",
    "Which date is {n} days after {d}?",
    "Today is {d}. What date is it in {n} days?",
)
_CONVERT = (
    "How many {small} are in {amount}?",
    "How many {small} are there in {amount}?",
    "Convert {amount} to {small}.",
    "What is {amount} in {small}?",
)
_UNITS = (
    ("minute", "hour", 60),
    ("second", "minute", 60),
    ("hour", "day", 24),
    ("day", "week", 7),
    ("month", "year", 12),
)


def _weekday(rng: random.Random) -> Question:
    n, start = rng.randint(2, 31), rng.randrange(7)
    wordings, step = rng.choice(((_DAY_AFTER, 1), (_DAY_BEFORE, -1)))
    return Question(
        skill="dates",
        kind="weekday",
        prompt=phrase(rng, wordings, n=n, d=_WEEKDAYS[start]),
        answer=_WEEKDAYS[(start + step * n) % 7],
        key=f"weekday {step * n} {start}",
        scratch=str(n % 7),
    )


def _month(rng: random.Random) -> Question:
    n, start = rng.randint(2, 24), rng.randrange(12)
    wordings, step = rng.choice(((_MONTH_AFTER, 1), (_MONTH_BEFORE, -1)))
    return Question(
        skill="dates",
        kind="month",
        prompt=phrase(rng, wordings, n=n, m=_MONTHS[start]),
        answer=_MONTHS[(start + step * n) % 12],
        key=f"month {step * n} {start}",
        scratch=f"{start + 1}{'+' if step > 0 else '-'}{n % 12}={(start + step * n) % 12 + 1}",
    )


def _month_length(rng: random.Random) -> Question:
    month = rng.choice((rng.randint(1, 12), 2))
    year = rng.randint(1600, 2399)
    has_year = rng.random() < 0.7
    days = calendar.monthrange(year, month)[1] if has_year else _LENGTHS[month - 1]
    when = _MONTHS[month - 1] + (f" {year}" if has_year else "")
    return Question(
        skill="dates",
        kind="month_length",
        prompt=phrase(rng, _MONTH_LENGTH, m=when),
        answer=str(days),
        key=f"month_length {when}",
        scratch=_divided_by_4(year) if has_year and month == 2 else "",
    )


def _leap(rng: random.Random) -> Question:
    year = rng.randint(1000, 2999)
    if rng.random() < 0.3:
        year -= year % rng.choice((4, 100))
    return Question(
        skill="dates",
        kind="leap",
        prompt=phrase(rng, _LEAP, y=year),
        answer="yes" if calendar.isleap(year) else "no",
        key=f"leap {year}",
        scratch=_divided_by_4(year),
    )


def _divided_by_4(year: int) -> str:
    """Write the remainder by four of the last two digits or, for a century, of the first two."""
    century, rest = divmod(year, 100)
    return f"{rest:02}%4={rest % 4}" if rest else f"{century}%4={century % 4}"


def _clock(rng: random.Random) -> Question:
    hour, minute, n = rng.randrange(24), rng.randrange(60), rng.randint(2, 59)
    end = hour * 60 + minute + n
    return Question(
        skill="dates",
        kind="clock",
        prompt=phrase(rng, _CLOCK, n=n, t=f"{hour}:{minute:02}"),
        answer=f"{end // 60 % 24}:{end % 60:02}",
        key=f"clock {hour}:{minute} {n}",
        scratch=_sum(minute, n),
    )


def _date(rng: random.Random) -> Question:
    """Within a common year and, at most, across one end of month."""
    month, n = rng.randrange(11), rng.randint(2, 28)
    day = rng.randint(1, _LENGTHS[month])
    end, overflow = day + n, max(0, day + n - _LENGTHS[month])
    return Question(
        skill="dates",
        kind="date",
        prompt=phrase(rng, _DATE, n=n, d=f"{_MONTHS[month]} {day}"),
        answer=f"{_MONTHS[month + 1]} {overflow}" if overflow else f"{_MONTHS[month]} {end}",
        key=f"date {month} {day} {n}",
        scratch=_sum(day, n) + (f"-{_LENGTHS[month]}={overflow:02}" if overflow else ""),
    )


def _sum(a: int, b: int) -> str:
    """Write a sum with the total's units first, the order in which carries run."""
    total = f"{a + b:02}"[::-1]
    return f"{a:02}+{b:02}={total}"


def _convert(rng: random.Random) -> Question:
    small, large, factor = rng.choice(_UNITS)
    n, rest = rng.randint(2, 20), rng.choice((0, rng.randint(2, factor - 1)))
    amount = f"{n} {large}s" + (f" and {rest} {small}s" if rest else "")
    total = n * factor + rest
    return Question(
        skill="dates",
        kind="convert",
        prompt=phrase(rng, _CONVERT, small=f"{small}s", amount=amount),
        answer=str(total),
        key=f"convert {large} {n} {rest}",
        scratch=_sum(n * factor, rest) if rest else str(total),
    )


SKILL = Skill(
    name="dates",
    description="Steps through weekdays, months, dates and times, and converts units of time.",
    kinds={
        "weekday": _weekday,
        "month": _month,
        "month_length": _month_length,
        "leap": _leap,
        "clock": _clock,
        "date": _date,
        "convert": _convert,
    },
)
