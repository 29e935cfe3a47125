"""What `modelnet doctor` looks at: this machine, and the node that lives on it."""
