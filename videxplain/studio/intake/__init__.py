"""How a clip comes into a studio: it is received, recognised, and read in a process of its own."""
