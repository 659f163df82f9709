"""Trained networks that travel with the package, as ``<architecture>.safetensors``."""
