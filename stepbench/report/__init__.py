"""What people see of a result: tables and figures. Nothing here runs anything."""
