"""Grafana's dashboards, built with Grafana's own typed builders. ``make dashboards`` writes them to grafana/."""
