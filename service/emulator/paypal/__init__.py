"""The second gateway of the stand-in: PayPal's API under `/paypal`, its buyer's page, its signed webhooks.

Like the first it imports nothing of ours. Objects lie in the books as they are answered (`paypal.order`,
`paypal.capture` …); what nobody may see of one, and what will become of it, is its row of `paypal.book`. A new endpoint
is one row in `routes.py`.
"""
