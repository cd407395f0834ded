"""Tool use: an agent reads and changes a domain's state through tools, for a user."""
