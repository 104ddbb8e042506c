"""The API's own documentation: `/openapi.json`, `/docs` and `/docs/problems`, readable without the internet."""
