"""The engine: documents, money, states, errors, routes, lanes, store and connectors.

Nothing here has heard of Slack. `sync.engine.Engine` is the door; `docs/engine.md` draws the path
of a document.
"""
