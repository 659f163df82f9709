"""Find the concepts that a layer uses over a data set, and test concepts that are given by examples (TCAV)."""
