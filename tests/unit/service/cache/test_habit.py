"""What follows what."""

from modelnet.core.identity import NodeId, RequestId
from modelnet.core.request import Chat, Message
from modelnet.core.task import Task
from modelnet.service.cache.habit import GAP_S, Habits
from modelnet.service.cache.key import key_of

BY = NodeId("n"), "m"


class Person:
    """Asks one thing after another."""

    def __init__(self, habits: Habits, owner: str = "") -> None:
        self.habits = habits
        self.owner = owner
        self.now = 0.0

    def ask(self, *texts: str, after_s: float = 10.0) -> None:
        for text in texts:
            self.now += after_s
            self.habits.note(self.exact(text), self.task(text), BY, self.now)

    def task(self, text: str) -> Task:
        request = Chat((Message("user", text),))
        return Task(id=RequestId(text), request=request, deadline=0.0, owner=self.owner)

    def exact(self, text: str) -> bytes:
        return key_of(self.task(text)).exact

    def next(self, text: str) -> str | None:
        foreseen = self.habits.next(self.exact(text))
        return None if foreseen is None else foreseen.task.request.prompt


def test_what_came_next_three_times_is_foreseen():
    person = Person(Habits())
    person.ask("news", "weather", "news", "weather")
    assert person.next("news") is None
    person.ask("news", "weather")
    assert person.next("news") == "weather"
    assert person.next("never asked") is None


def test_what_follows_now_and_then_is_not():
    person = Person(Habits())
    for other in ("a", "weather", "b", "weather", "c", "weather"):
        person.ask("news", other)
    assert person.next("news") is None


def test_what_comes_much_later_does_not_follow():
    person = Person(Habits())
    for _ in range(5):
        person.ask("news", "weather", after_s=GAP_S + 1.0)
    assert person.next("news") is None


def test_asking_again_is_no_next_step():
    person = Person(Habits())
    person.ask(*["news"] * 9)
    assert person.next("news") is None


def test_owners_have_their_own_habits():
    habits = Habits()
    alice, bob = Person(habits, "alice"), Person(habits, "bob")
    for _ in range(3):
        alice.ask("news")
        bob.ask("news")
        alice.ask("weather")
        bob.ask("sports")
    assert (alice.next("news"), bob.next("news")) == ("weather", "sports")
    assert habits.next(bob.exact("news")).task.owner == "bob"


def test_a_new_habit_takes_the_place_of_an_old_one():
    person = Person(Habits())
    for number in range(6):
        person.ask("news", f"once {number}")
    for _ in range(20):
        person.ask("news", "weather")
    assert person.next("news") == "weather"


def test_memory_is_bounded():
    habits = Habits()
    person = Person(habits)
    person.ask(*(f"q{number}" for number in range(3000)))
    assert len(habits._after) <= 1024
    for number in range(600):
        Person(habits, str(number)).ask("news")
    assert len(habits._last) <= 256
    long = Person(habits, "long")
    for _ in range(4):
        long.ask("news", "x" * 5000)
    assert long.next("news") is None


def test_nobody_answered_it_nobody_can_be_asked():
    habits, person = Habits(), Person(Habits())
    for _ in range(4):
        habits.note(b"1", person.task("a"), BY, 0.0)
        habits.note(b"2", person.task("b"), None, 1.0)
    assert habits.next(b"1") is None


def test_forgotten():
    person = Person(Habits())
    person.ask(*["news", "weather"] * 4)
    person.habits.forget()
    assert person.next("news") is None
