"""The proof: servers that are killed at every step of a publish, against a simulator that writes down what went out."""
