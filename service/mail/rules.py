"""The letters there are. The outbox kind of a letter is `mail.<name>`, its templates are `templates/<name>.…`."""

CONFIRMATION = "confirmation"
LATE_PAYMENT = "late_payment"
LETTERS = (CONFIRMATION, LATE_PAYMENT)
