"""The model as JavaScript: an engine for browsers and Node, and a page that generates with it."""
