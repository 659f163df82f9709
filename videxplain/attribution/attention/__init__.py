"""The attention of a network in a pass, and whether tokens move as it says."""
