"""Models of other packages."""
