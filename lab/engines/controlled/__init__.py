"""The controlled engine: an unmodified script, each of whose processes waits for its turn before every operation.

It imports nothing: what runs within the script's processes lies below it, and should be as small as can be.
"""
