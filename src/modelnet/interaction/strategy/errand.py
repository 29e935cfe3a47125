"""A task as a strategy gets it: what is asked, what was read in it, and whom it may ask."""

from dataclasses import dataclass, field

from modelnet.core.task import Task
from modelnet.service.analysis import TaskFeatures
from modelnet.service.pathway.purse import Purse
from modelnet.service.preference import BALANCED, Preference
from modelnet.service.terms import FREE, Terms


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """One task, and the models that may be asked."""

    task: Task
    features: TaskFeatures
    names: tuple[str, ...]
    """The models it may ask, as `service.selection.select` reads them."""
    preference: Preference = BALANCED
    """What counts by the terms for the first of the names."""
    terms: Terms = FREE
    """Limits that whoever is asked keeps to, and weights."""
    purse: Purse = field(default_factory=Purse)
    """What the whole task may spend, whoever is asked for it and whatever name is tried next."""
