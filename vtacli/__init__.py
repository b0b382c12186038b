"""vta: sound for silent film. Importing this package does nothing and loads no network."""

__version__ = "0.1.0"
