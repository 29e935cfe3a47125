"""Errors that passed through task groups, told as what they are."""

from collections.abc import Generator, Iterator
from contextlib import contextmanager

from modelnet.core.error import ModelnetError


@contextmanager
def ungrouped() -> Generator[None]:
    """Raise our own error instead of the exception group around it, if nothing else went wrong."""
    try:
        yield
    except BaseExceptionGroup as group:
        error = next(_leaves(group), None)
        if error is None:
            raise
        raise error from group


def _leaves(group: BaseExceptionGroup[BaseException]) -> Iterator[ModelnetError]:
    """Yield the errors in a group if they are ours alone; one that is not must show its trace."""
    ours, others = group.split(ModelnetError)
    if others is None and ours is not None:
        for one in ours.exceptions:
            if isinstance(one, ModelnetError):
                yield one
            else:
                yield from _leaves(one)
