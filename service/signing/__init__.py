"""Signed requests: nobody on the way can change one, and nobody can send it twice."""
