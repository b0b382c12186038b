"""vta-mini: the small model that ships, and the one space in which its words and pictures meet."""
