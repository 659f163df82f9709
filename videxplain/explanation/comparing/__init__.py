"""Several explanations of one clip side by side, and how far their maps agree."""
