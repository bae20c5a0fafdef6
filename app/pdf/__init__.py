"""PDFs: inspected, searched, drawn and altered, always in a child process with limits (see `sandbox`)."""
