"""What a customer or a member of staff is shown of an order, put together from all that knows about it."""
