"""What people read: the page, the tables and the pictures, rendered from a ledger alone."""
