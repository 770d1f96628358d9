"""Turns engine state into Slack: app factory, rendering, view models, permissions, schedule."""
