"""Who may see and do what: API keys, roles and their permissions, and the guard every route stands behind."""
