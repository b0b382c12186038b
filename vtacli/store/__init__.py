"""Models on this machine: what there is, where it lies, how it comes here, and whether it is whole."""
