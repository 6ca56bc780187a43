"""Finding out where a store keeps consent and tags: what its meta keys and their values say, and what to configure."""
