"""Text in, ids out: sources, encodings, vocabulary, encoding, the prepared corpus, windows."""
