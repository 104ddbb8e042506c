"""Everything fails at once, in an order that a seed replays; then quiet; then every cent is looked for."""
