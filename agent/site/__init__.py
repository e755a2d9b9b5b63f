"""A site's own checks: Python files in a directory, and commands named in the node's configuration.

Neither runs in the agent. A file's ``read`` and ``judge`` run in the prober, as any sensor does, and what it reads *is*
the verdict (:mod:`agent.site.files`). A command is run from there, under a minder of its own that ends it and all it
started (:mod:`agent.site.commands`). :func:`look` reads what there is, in the agent, when it starts and when its
configuration is read anew; :func:`site_sensors` and :func:`site_checks` make of that what the agent's own are.
"""

from agent.site.looking import Settings, SiteChecks, examine, look
from agent.site.units import site_checks, site_sensors

__all__ = ["Settings", "SiteChecks", "examine", "look", "site_checks", "site_sensors"]
