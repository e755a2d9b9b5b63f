"""Views made visible: pure functions from wire.api types and a moment to rich renderables, 80 columns wide."""
