"""What a visitor can ask: a question, how it is checked, and how it is written in an address and as a command."""
