"""What a person who has signed in sees and changes of themselves: role, sessions, password."""
