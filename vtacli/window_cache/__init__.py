"""Windows of sound that were made before, kept by what they were made from.

A rerun after an edit makes only what changed. What is kept is a copy of what the model would make,
to the sample, and can be deleted at any time: nothing but time is lost with it.
"""
