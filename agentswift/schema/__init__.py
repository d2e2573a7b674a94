"""The shape of each conf/ group and of each command's run."""
