"""Klaviyo accounts as sources: profiles, lists and segments."""
