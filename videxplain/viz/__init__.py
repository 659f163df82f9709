"""Pictures only; knows arrays, never torch."""
