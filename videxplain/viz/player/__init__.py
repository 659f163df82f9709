"""The player of an explanation in a browser: for notebooks, saved pages, the report of an audit and the studio."""
