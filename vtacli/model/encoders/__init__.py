"""Video encoders behind one contract."""
