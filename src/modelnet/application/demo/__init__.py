"""The demo: a network of processes on this machine that is asked, robbed of a node, and joined."""
