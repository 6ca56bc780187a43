"""A WooCommerce store to play with: real HTTP, real state, its inconvenient sides included."""
