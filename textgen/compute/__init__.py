"""What makes training fast: backends, layers, kernels, precision, dropout masks."""
