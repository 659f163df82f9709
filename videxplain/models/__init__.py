"""The model zoo. Nothing is imported here, so that :mod:`videxplain.models.config` can be read without torch."""
