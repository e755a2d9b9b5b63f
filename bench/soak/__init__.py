"""`make soak`: two jobs on six nodes of this machine, a fault again and again, and every claim checked at the end."""
