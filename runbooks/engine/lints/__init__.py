"""What the linter looks at, one question a file."""
