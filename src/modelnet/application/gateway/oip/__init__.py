"""The Open Inference Protocol: every model of the network that takes tensors, for its clients."""
