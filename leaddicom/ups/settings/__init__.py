"""What a worklist manager is told: its configuration, and the systems that it knows."""
