"""Mail to customers: which letters there are, how they look, and how they leave through SMTP."""
