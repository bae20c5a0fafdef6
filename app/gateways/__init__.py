"""The outside world: vendors and protocols live here and nowhere else."""
