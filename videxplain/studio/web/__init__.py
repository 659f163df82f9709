"""What a browser or a program talks to: the application, its guard, the HTTP interface and the pages."""
