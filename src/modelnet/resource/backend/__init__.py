"""The engines a model can run on, one module each."""
