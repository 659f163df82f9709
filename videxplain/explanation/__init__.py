"""Explain a whole clip: one target, one map per frame, and the results that are kept and shown."""
