"""The messages both sides speak.

Everything that crosses between agent, controller and command line is a type of this package: :mod:`wire.messages`
between agent and controller, :mod:`wire.api` between the command line and the controller, :mod:`wire.specs` what a
person writes.
"""
