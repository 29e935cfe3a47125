"""What runs in the sandbox's processes. Only the standard library is to be had there."""
