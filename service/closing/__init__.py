"""What a day or a month came to, from the journal alone, and the end of a month."""
