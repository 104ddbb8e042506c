"""What a gate or run found, told to people and programs: a terminal, a page, JUnit, Markdown, JSON. All of it from `Findings`."""
