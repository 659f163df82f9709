"""Video in: decoding, sampling, preparation."""
