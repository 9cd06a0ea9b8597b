"""What works on finished runs: one file per command. Imports no hydra."""
