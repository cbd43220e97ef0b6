"""The worklist manager as a program: one process or several, signals, a log."""
