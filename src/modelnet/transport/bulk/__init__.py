"""Bytes of files in bulk: plain TCP beside the network, from the file straight to the socket.

Tickets are handed out over the sealed network; what comes is believed only after its hash was
checked. Networks that are closed, and nodes that cannot be reached, do without.
"""
