"""Starts nobody."""

print("alone")
