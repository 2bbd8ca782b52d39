"""The contract of a model, and what works on any model through it: search, samples, ensembles."""
