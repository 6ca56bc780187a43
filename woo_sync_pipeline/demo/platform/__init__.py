"""A MessageMedia account to play with: real HTTP, real state."""
