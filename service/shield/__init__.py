"""What no request may bring in and every answer carries: no card numbers; headers that bind the browser."""
