"""The Open Inference Protocol v2 over HTTP, read and written for both its ends. Pure."""
