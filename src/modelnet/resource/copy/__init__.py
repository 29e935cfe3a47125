"""Models that move: files known by their content, handed on in pieces, kept in a bounded store."""
