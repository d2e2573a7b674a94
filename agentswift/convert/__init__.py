"""Files between row layouts and agent templates; other houses' dataset lists and training commands into ours."""
