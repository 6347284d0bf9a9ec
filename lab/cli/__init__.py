"""The command line: reads options, calls the verbs, prints what they return. Only this package prints and exits."""
