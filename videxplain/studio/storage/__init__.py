"""What a studio keeps: the tables of clips, visitors and jobs, and the files of results."""
