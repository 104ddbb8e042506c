"""Which tickets of a paid order are good, and which of its seats are on sale again."""
