"""A task as a strategy gets it: what is asked, what was read in it, and whom it may ask."""

from dataclasses import dataclass

from modelnet.core.task import Task
from modelnet.service.analysis import TaskFeatures
from modelnet.service.preference import BALANCED, Preference


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """One task, and the models that may be asked."""

    task: Task
    features: TaskFeatures
    names: tuple[str, ...]
    """The models it may ask, as `service.selection.select` reads them."""
    preference: Preference = BALANCED
