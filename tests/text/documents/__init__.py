"""Documents: many texts in one corpus."""
