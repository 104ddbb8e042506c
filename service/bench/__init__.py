"""`cubano bench`: what this machine does with the hot paths, beside what PostgreSQL alone does with the same statements."""
