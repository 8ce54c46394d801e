"""Building starters: free texts from package registries become small pretrained models.

`python -m starters english` does all of it; docs/starters.md describes the results.
"""
