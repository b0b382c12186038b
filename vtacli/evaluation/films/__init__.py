"""Films with their true sound against what a model gives them: the field's measures, a page."""
