"""Weights: bytes that are checked and never executed."""
