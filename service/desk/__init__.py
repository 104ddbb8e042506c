"""What the festival's own people say about money they took or handed out."""
