"""The books brought to where the rows of payments, refunds and disputes stand."""
