"""The one history of the tables, for both databases."""
