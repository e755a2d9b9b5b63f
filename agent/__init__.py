"""The agent: one per node; senses, judges, reports, and carries out orders."""
