"""The contract of a model, and the searches over it; NumPy alone."""
