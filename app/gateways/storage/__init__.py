"""Where whole files are kept."""
