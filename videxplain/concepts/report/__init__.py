"""The report of a search for concepts: a folder of static pages that opens from disk, with no server."""
