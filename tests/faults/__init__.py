"""The fault harness: the real engine in bad weather, by seed, and a checker that trusts nobody."""
