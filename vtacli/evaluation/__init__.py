"""Evaluation: films whose strikes are known exactly, and how well a model answers them."""
