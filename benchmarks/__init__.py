"""Figures of the house and of the try-out, printed by `python -m benchmarks`."""
