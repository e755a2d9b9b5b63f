"""`mainstay up`: a controller and one agent in the foreground on this machine, for one person to try and to use."""
