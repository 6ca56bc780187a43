"""Whole lives of people in a store and on the platform, with syncs in between: nobody who said no is subscribed."""
