"""Training, on Lightning. Nothing is imported here, because Lightning takes seconds."""
