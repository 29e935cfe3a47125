"""Load: whether every node works as much as it can, and what few slow answers cost."""
