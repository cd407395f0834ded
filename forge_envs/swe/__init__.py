"""Software engineering: an agent repairs a repository, hidden tests decide."""
