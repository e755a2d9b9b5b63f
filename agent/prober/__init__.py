"""The prober: the process in which all sensors run, so that what hangs or crashes there is not the agent.

``child`` is what runs in it, ``process`` the agent's end of its pipes, ``prober`` its owner: hard deadlines, and a
fresh process for one in which something hangs.
"""
