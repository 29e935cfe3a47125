"""The laboratory: virtual time, fault injection, benchmarks."""
