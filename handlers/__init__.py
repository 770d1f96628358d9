"""Thin listeners: parse, call, show."""
