"""Events that come into the inbox by a person's act, with the entry in the audit trail that says so."""
