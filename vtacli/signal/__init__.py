"""Arithmetic on values: no files, no network, no console."""
