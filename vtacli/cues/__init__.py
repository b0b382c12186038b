"""Cue sheets: a row for each scene, with what is asked of it, in TOML, CSV or JSON."""
