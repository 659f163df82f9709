"""What answers the questions: the worker process, its networks, and the supervisor that keeps it alive."""
