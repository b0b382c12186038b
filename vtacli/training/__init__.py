"""Data, loop and evaluation of the models that vta trains."""
