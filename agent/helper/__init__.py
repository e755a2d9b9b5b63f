"""The root helper: what an agent without rights asks for by name, one request a process (docs/decisions/0008).

It trusts nothing of a request but what the node's own configuration allows.
"""
