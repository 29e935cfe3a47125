"""Skills that can be examined: questions drawn from a seed, answers checked by program."""

import random

from modelnet.service.skill import arithmetic, date, fact, logic, text
from modelnet.service.skill.question import Part, Question, Skill, is_correct, is_held_out

__all__ = ["SKILLS", "Part", "Question", "Skill", "draw", "is_correct", "is_held_out"]

SKILLS = {module.SKILL.name: module.SKILL for module in (arithmetic, text, logic, date, fact)}


def draw(skill: str, rng: random.Random, part: Part) -> Question:
    """Draw a question of `skill`: from those models may train on, or from those held out.

    Raises:
        KeyError: there is no skill of that name; `SKILLS` lists them.
    """
    return SKILLS[skill].draw(rng, part)
