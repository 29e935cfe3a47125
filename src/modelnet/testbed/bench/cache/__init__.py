"""`modelnet bench cache`: how often a cache that goes by nearness tells the wrong answer."""
