"""Training and evaluation. Nothing is imported here, because Lightning takes seconds."""
