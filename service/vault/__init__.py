"""Who bought, sealed: each order's own key, what is sealed with it, and the link that opens the order."""
