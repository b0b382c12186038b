"""One outside thing a file; foreign exceptions become ours here."""
