"""Sessions of people who have signed in: kept by the server, known to a browser by a cookie."""
