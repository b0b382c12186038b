"""Torch modules made from facts; given a state dict, never a URL."""
