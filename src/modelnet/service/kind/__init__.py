"""What kind of task a text is: a small classifier fitted on data, and the posterior it yields."""

from modelnet.service.kind.posterior import KINDS, OTHER, TaskKind

__all__ = ["KINDS", "OTHER", "TaskKind"]
