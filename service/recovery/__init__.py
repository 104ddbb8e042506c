"""What no webhook brought: found in the gateway's own lists, or by asking for the object itself."""
