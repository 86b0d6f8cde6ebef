"""Self-supervised losses that more than one method uses: formula, citation and code, nothing else."""
