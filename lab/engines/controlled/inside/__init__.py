"""What runs within the processes of a script: it asks before every operation. It imports the standard library alone."""
