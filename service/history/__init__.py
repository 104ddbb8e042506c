"""Every movement of money, newest first, for people who look for one and for programs that want them all."""
