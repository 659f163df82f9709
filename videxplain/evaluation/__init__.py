"""How good a network is, and the files of a run."""
