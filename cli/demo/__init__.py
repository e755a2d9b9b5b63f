"""`mainstay demo`: a cluster on this machine, a real job, real faults, and every claim checked."""
