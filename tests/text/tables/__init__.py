"""Tables: CSV, TSV and JSON Lines."""
