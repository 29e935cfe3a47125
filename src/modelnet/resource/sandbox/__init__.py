"""Running code that nobody vouches for: processes that can compute, and nothing else."""
