"""The shim: parent and subreaper of one node's workers of one attempt, a process of its own that outlives the agent.

Standard library only, and everything imported at the start: the files under it may be replaced while it runs. In its
part's directory it keeps ``state.json`` (the claim on the part, and where it stands), ``log/``, ``exit.json`` and
``shim.sock`` (one JSON object a line; see ``control.py``).
"""
