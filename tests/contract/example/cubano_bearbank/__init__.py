"""Bear Bank's payment links: a complete provider in a package of its own, as `docs/payment-system/08-integration.md` tells it."""
