"""What commands print and write: the terminal, progress, and the files of a result."""
