"""Clips to learn from: found, checked, prepared once, read at random, and varied."""
