"""Many films: one process that holds the model, others that decode and mux, or a cluster of them.

:func:`vtacli.batch.running.run` is the story. What is done is recorded in the output's folder by
content and settings, so that whatever ends a batch, running it again goes on where it was.
"""
