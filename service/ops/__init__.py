"""Everything under `/api/ops`, plugged together, and the questions about the system as a whole."""
