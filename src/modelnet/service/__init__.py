"""Pure planning: what kind of task this is, what a model is good at, which model to ask."""
