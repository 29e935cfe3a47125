"""Where a person meets the network: wiring, settings, command line, HTTP, Python."""
