"""What goes over the wire, one file per resource; no rule of the business lives here."""
