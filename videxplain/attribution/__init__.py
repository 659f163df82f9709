"""How a prediction is traced back."""
