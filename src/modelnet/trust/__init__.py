"""Keys, signed cards and signed messages: who said this, and to whom."""
