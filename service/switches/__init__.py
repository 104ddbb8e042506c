"""The operational switches over the API, and where new checkouts go at the moment."""
