"""Kinds of task that grow from traffic: a tree that splits where models differ. Pure."""

from modelnet.service.hierarchy.hierarchy import Hierarchy

__all__ = ["Hierarchy"]
