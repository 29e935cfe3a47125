"""Whether a transformer or a graph predicts better which model will be right. It does not ship."""
