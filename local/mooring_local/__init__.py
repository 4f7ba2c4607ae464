"""The whole platform on one machine, for development and for running it there."""
