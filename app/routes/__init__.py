"""The handlers, a module for each noun."""
