"""One module for each command: it reads its arguments, calls the other rooms and prints."""
