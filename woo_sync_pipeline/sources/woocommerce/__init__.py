"""Reading WooCommerce stores over REST. Imports no Dagster."""
