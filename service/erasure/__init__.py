"""A customer is forgotten on request, while the books stay whole."""
