"""The try-out's far ends: a workspace like Slack, Salla and Daftra, over real HTTP on loopback.

It is the only part that pretends. It imports nothing of invsync and is spoken to over HTTP only.
"""
