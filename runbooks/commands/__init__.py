"""What `cubano runbook …` does, a file an errand; `runbooks.cli` holds the commands themselves."""
