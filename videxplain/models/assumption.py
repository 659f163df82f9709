"""What is assumed where a file or a network does not say it."""


class AssumptionWarning(UserWarning):
    """Something was assumed. The message says what, in one line, and how to choose otherwise."""
