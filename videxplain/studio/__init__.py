"""The studio: a page in a browser in which a clip is explained, and the HTTP interface behind it."""
