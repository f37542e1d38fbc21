"""What answers the browser: access, routes, uploads."""
