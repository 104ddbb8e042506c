"""What of one day our journal, a gateway's movements and its payouts do not agree on, and of which kind each is."""
