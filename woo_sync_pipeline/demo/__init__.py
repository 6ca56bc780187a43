"""A demo store and a demo platform: real HTTP servers on loopback."""
