"""Sessions: a film's takes, choices and locks, kept beside the output as ``NAME.vta/``."""
