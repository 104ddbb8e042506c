"""`cubano respond`: hears of alerts from two sides, has the engine plan, shows the person on call one clear action.

It works with the service down, with PostgreSQL down, and alone: what it knows stands in its own state directory.
"""
