"""`mainstay install` and `uninstall`: units, users, directories and a configuration on this machine, and away again.

What is wanted is a list of steps; each says what is still to be done, so that a second run does nothing.
"""
