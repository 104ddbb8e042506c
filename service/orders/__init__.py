"""The thing bought: its lines, its states, its history, and how a customer looks it up."""
