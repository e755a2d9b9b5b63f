"""The node's page for Prometheus: what sensors read, what holds of the node, how the agent itself does.

:func:`agent.metrics.serving.serve` is all that the agent calls. ``own`` and the sensors give families, ``page`` puts
them together, ``formats`` writes them, ``http`` and ``listening`` show them.
"""
