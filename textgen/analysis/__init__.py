"""How well a model predicts and how much it copies."""
