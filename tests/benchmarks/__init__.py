"""`make bench`: one module per figure, each measured against a floor in the same run."""
