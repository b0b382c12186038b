"""Stems: several sounds for one film, each a file of its own, and their sum."""
