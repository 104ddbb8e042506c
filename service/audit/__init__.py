"""Who did what to what, when and from where: a trail that can only grow."""
