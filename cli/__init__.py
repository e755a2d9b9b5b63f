"""`mainstay`: the command line. Talks to the HTTP API; the daemons are started as processes, never imported."""
