"""Strategies, one a file. None of them knows an engine."""
