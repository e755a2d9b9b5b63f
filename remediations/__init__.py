"""What is done about what: the pipeline every action passes, the playbooks, and the engine that runs them."""
