"""The world as bodies, guards and stores see it."""
