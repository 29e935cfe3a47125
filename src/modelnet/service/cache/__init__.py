"""Answers told again: which may be, to whom, and how often nearness misleads. Pure."""
