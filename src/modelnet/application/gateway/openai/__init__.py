"""OpenAI's API: its bodies read into our requests, our chunks written in its shapes."""
