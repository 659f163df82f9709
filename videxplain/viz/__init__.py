"""Draws pictures from arrays. Imports no torch and reads no files."""
