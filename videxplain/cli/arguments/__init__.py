"""The options that commands share, how their text is read, and how the shell completes it."""
