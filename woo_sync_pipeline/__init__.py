"""Keeps a Sinch MessageMedia contact directory in step with WooCommerce stores."""
