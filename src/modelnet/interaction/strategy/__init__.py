"""How models answer together: the Strategy seam, and one module for every way."""
