"""The links to a person's orders, sent to the address they were bought with."""
