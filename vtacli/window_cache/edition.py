"""The edition of the code that makes sound of windows."""

EDITION = 9
"""Part of every key: what was kept under another edition is not found.

Raise it with every change of code (of :mod:`vtacli.model`, or of what it computes with) that
changes the samples of an equal seed: the same changes that are told under **Sound** in
CHANGELOG.md. Other weights need nothing, since a key holds the hash of the model's files, nor does
what is done before a window reaches the model, since a key holds what it is given. A test holds
the shipped model to what it made when the edition was set.
"""
