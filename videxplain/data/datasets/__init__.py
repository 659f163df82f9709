"""Data sets on disk: what they are, how they are opened, and how they are prepared."""
