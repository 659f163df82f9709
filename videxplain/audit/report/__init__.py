"""The report of an audit: a folder of static pages that opens from disk, with no server and no connection."""
