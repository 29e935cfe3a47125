import datetime as dt
import random
import re

from modelnet.service.skill import SKILLS

DATES = SKILLS["dates"]
WEEKDAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
MONTHS = (
    "January February March April May June July August September October November December".split()
)


def drawn(kind: str, n: int = 400):
    rng = random.Random(1)
    return [DATES.draw(rng, "test", kind) for _ in range(n)]


def number(prompt: str) -> int:
    return int(re.search(r"\d+", prompt)[0])


def is_backwards(prompt: str) -> bool:
    return "before" in prompt or "ago" in prompt


def named(prompt: str, names: list[str]) -> str:
    return next(name for name in names if name in prompt)


def a_year_is_leap(year: int) -> bool:
    return (dt.date(year, 3, 1) - dt.date(year, 2, 28)).days == 2


def test_weekdays_are_right() -> None:
    for question in drawn("weekday"):
        start = named(question.prompt, WEEKDAYS)
        anchor = dt.date(2024, 1, 1 + WEEKDAYS.index(start))  # the first was a Monday
        step = dt.timedelta(days=number(question.prompt))
        end = anchor - step if is_backwards(question.prompt) else anchor + step
        assert question.answer == end.strftime("%A")


def test_months_are_right() -> None:
    for question in drawn("month"):
        month = MONTHS.index(named(question.prompt, MONTHS))
        for _ in range(number(question.prompt)):
            month = (month - 1 if is_backwards(question.prompt) else month + 1) % 12
        assert question.answer == MONTHS[month]
        assert question.scratch.endswith(f"={month + 1}")


def test_lengths_of_months_are_right() -> None:
    for question in drawn("month_length"):
        month = MONTHS.index(named(question.prompt, MONTHS)) + 1
        written = re.search(r"\d{4}", question.prompt)
        year = int(written[0]) if written else 2001
        after = dt.date(year + month // 12, month % 12 + 1, 1)
        assert int(question.answer) == (after - dt.date(year, month, 1)).days


def test_leap_years_are_right() -> None:
    for question in drawn("leap"):
        year = int(re.search(r"\d{4}", question.prompt)[0])
        assert question.answer == ("yes" if a_year_is_leap(year) else "no")
        assert question.scratch.endswith("=0") == (question.answer == "yes")


def test_times_are_right() -> None:
    for question in drawn("clock"):
        hour, minute = map(int, re.search(r"(\d+):(\d\d)", question.prompt).groups())
        step = int(re.search(r"(\d+) minutes", question.prompt)[1])
        hours, end_minute = divmod(minute + step, 60)
        assert question.answer == f"{(hour + hours) % 24}:{end_minute:02}"


def test_dates_are_right() -> None:
    for question in drawn("date"):
        month = MONTHS.index(named(question.prompt, MONTHS)) + 1
        day = int(re.search(r"[A-Z][a-z]+ (\d+)", question.prompt)[1])
        step = int(re.search(r"(\d+) days", question.prompt)[1])
        end = dt.date(2001, month, day) + dt.timedelta(days=step)
        assert question.answer == f"{MONTHS[end.month - 1]} {end.day}"


def test_conversions_are_right() -> None:
    seconds = {"second": 1, "minute": 60, "hour": 3600, "day": 86400, "week": 604800}
    months = {"month": 1, "year": 12}
    for question in drawn("convert"):
        amounts = re.findall(r"(\d+) ([a-z]+)s", question.prompt)
        size = months if "month" in question.prompt else seconds
        total = sum(int(n) * size[unit] for n, unit in amounts)
        large = amounts[0][1]
        small = next(
            u for u in re.findall(r"([a-z]+)s\b", question.prompt) if u in size and u != large
        )
        assert int(question.answer) * size[small] == total
