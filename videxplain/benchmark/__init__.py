"""Methods measured against each other: are they faithful, do they find what is known, do they depend on the network."""
