"""The internet of AI models: nodes that find each other, are measured, and answer together."""
