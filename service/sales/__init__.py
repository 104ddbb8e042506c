"""The moment an order is paid: seats, tickets, letter, figures."""
