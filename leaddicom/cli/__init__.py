"""The command ``leaddicom``: one module per subcommand."""
