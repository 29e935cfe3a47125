"""The vocabulary every room shares: ids, requests, chunks, cards, standing, errors, clock.

This room imports the standard library and msgspec, nothing else, and does no I/O.
"""
