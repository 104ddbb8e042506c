"""How long our pages take in people's browsers, as some of them tell: numbers by page, and nothing of who."""
