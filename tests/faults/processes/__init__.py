"""Real processes under real signals: the app, its database and the stand-ins on loopback."""
