"""Models on this machine: what there is, where it lies, how it comes here, if it is whole."""
