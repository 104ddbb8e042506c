"""What the responder, which is another program, has in our database: a role of its own, and a mirror of its journal."""
