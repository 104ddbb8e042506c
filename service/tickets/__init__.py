"""What lets a person through the door: one row and one code a person."""
