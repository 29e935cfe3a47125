"""Pathways: which models answer a task together, at what price, and when to stop. Pure."""
