"""How models answer together: asking one, and carrying on with another when it dies."""
