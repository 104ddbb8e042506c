"""Room for those who are paying: who is sent away for a while when there is too much."""
