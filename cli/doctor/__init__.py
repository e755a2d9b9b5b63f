"""`mainstay doctor`: looks at an installation on this machine and says what is amiss, with the mend."""
